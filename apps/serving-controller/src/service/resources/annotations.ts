import { annotations } from "@kelvin/api/serving/v1";

/** A Service's annotations as its children carry them: all but what kubectl remembers. */
export function makeChildAnnotations(own: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const { [annotations.lastApplied]: _dropped, ...inherited } = own ?? {};
  return inherited;
}
