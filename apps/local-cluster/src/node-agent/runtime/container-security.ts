import type { Pod } from "@kelvin/kube";
import { ContainerConfigError, type ContainerSpec } from "../container-env.ts";
import type { Image } from "../images/image-source.ts";
import { canHaveUser } from "./identity-map.ts";
import { findUser } from "./user-database.ts";

/** Whom a container runs as. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** Beside the first one, in ascending order. */
  readonly groups: readonly number[];
}

/** What a container may do, from the Pod's security contexts and its image. */
export interface ContainerSecurity {
  /** undefined: as whom the cluster runs as. */
  readonly user: ContainerUser | undefined;
  readonly isRootReadOnly: boolean;
  /** Names as setpriv writes them: `net_bind_service`, and `all`. */
  readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  readonly mayGainPrivileges: boolean;
}

/** What nobody has to be asked for. */
export const noSecurity: ContainerSecurity = {
  user: undefined,
  isRootReadOnly: false,
  capabilities: { drop: [], add: [] },
  mayGainPrivileges: true,
};

/** What the container says, and where it says nothing the Pod. */
type Context = NonNullable<ContainerSpec["securityContext"]> &
  Pick<NonNullable<NonNullable<Pod["spec"]>["securityContext"]>, "fsGroup" | "supplementalGroups">;

/** @throws ContainerConfigError for what contradicts itself, and for privileged containers. */
export function securityOf(container: ContainerSpec, pod: Pod, image: Image): ContainerSecurity {
  // What the container leaves out is not among its keys.
  const context: Context = { ...pod.spec?.securityContext, ...container.securityContext } as Context;
  const { capabilities } = context;
  if (context.privileged === true)
    throw new ContainerConfigError(
      `container "${container.name}" is privileged, which the local cluster does not allow`,
    );
  const user = userOf(context, image);
  const refusal = context.runAsNonRoot === true ? rootRefusal(context, image, user) : undefined;
  if (refusal !== undefined) throw new ContainerConfigError(`${refusal} ${placeOf(container, pod)}`);
  return {
    user,
    isRootReadOnly: context.readOnlyRootFilesystem === true,
    capabilities: { drop: namesOf(capabilities?.drop), add: namesOf(capabilities?.add) },
    mayGainPrivileges: context.allowPrivilegeEscalation !== false,
  };
}

function userOf(context: Context, image: Image): ContainerUser | undefined {
  const { runAsUser: uid, runAsGroup: gid, supplementalGroups = [], fsGroup } = context;
  // Where there is one user only, all files are that user's: who shares a volume needs no group for it.
  const groups = [...supplementalGroups, ...(fsGroup === undefined || !canHaveUser(fsGroup) ? [] : [fsGroup])];
  const hasWish = uid !== undefined || gid !== undefined || groups.length > 0;
  // A directory of this machine runs as whom the cluster runs as, unless the Pod says otherwise.
  if (!hasWish && image.rootfs === undefined) return undefined;
  const found = findUser(uid === undefined ? image.user : String(uid), image.rootfs);
  if (found === undefined)
    throw new ContainerConfigError(
      `unable to find user ${image.user}: no matching entries in passwd file of the image`,
    );
  const all = [...new Set([...found.groups, ...groups])].sort((a, b) => a - b);
  return { uid: found.uid, gid: gid ?? found.gid, groups: all };
}

/** In the words of the kubelet. A directory has no user of its own: it runs as whoever started the cluster. */
function rootRefusal({ runAsUser }: Context, image: Image, user: ContainerUser | undefined): string | undefined {
  if (runAsUser === 0) return "container's runAsUser breaks non-root policy";
  if (image.rootfs === undefined || runAsUser !== undefined) return undefined;
  const [name = ""] = image.user.split(":");
  if (name !== "" && !/^\d+$/.test(name))
    return `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root`;
  return user?.uid === 0 ? "container has runAsNonRoot and image will run as root" : undefined;
}

function placeOf({ name }: ContainerSpec, { metadata }: Pod): string {
  const { name: pod = "", namespace = "", uid = "" } = metadata;
  return `(pod: "${pod}_${namespace}(${uid})", container: ${name})`;
}

const CAPABILITY_PATTERN = /^[a-z_]+$/;

function namesOf(capabilities: readonly string[] | undefined): string[] {
  return (capabilities ?? []).map((capability) => {
    const name = capability.toLowerCase().replace(/^cap_/, "");
    if (!CAPABILITY_PATTERN.test(name)) throw new ContainerConfigError(`unknown capability "${capability}"`);
    return name;
  });
}
