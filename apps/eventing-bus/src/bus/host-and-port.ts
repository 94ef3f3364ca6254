/** Whether a text is `host:port`, with a port from 1 to 65535. */
export function isHostAndPort(text: string): boolean {
  const [, port] = /^[A-Za-z0-9._-]+:(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
