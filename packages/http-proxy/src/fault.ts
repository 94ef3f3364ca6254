/** Why a head or a body is refused: the status the client gets, and a sentence that says what was wrong. */
export interface Fault {
  readonly status: number;
  readonly reason: string;
}

/** What a scan returns instead of an offset when it met a fault. */
export const faulty = -1;
/** What a scan returns instead of an offset when it needs more bytes. */
export const incomplete = 0;
