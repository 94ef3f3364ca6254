import type { JsonObject } from "../api-object.ts";
import type { User } from "./user.ts";

/** A user as reviews and admission show it. */
export function userInfoOf({ name, uid, groups, extra }: User): JsonObject {
  return { username: name, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}
