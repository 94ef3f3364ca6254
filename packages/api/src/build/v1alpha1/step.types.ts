import { described, IntOrString, MapOf, Preserved, StringEnum, Type, type Static } from "../../meta/schema.ts";

// A step is a core/v1 Container, whole. Fields that nobody here looks into are passed on as they are.

const text = (description: string) => Type.Optional(Type.String({ description }));
const texts = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const opaque = (description: string) => Type.Optional(Preserved({ description }));
const opaques = (description: string) => Type.Optional(Type.Array(Preserved(), { description }));

/** One environment variable. */
export const StepEnvVar = Type.Object({
  name: Type.String({ description: "Name of the variable." }),
  value: text("Its value. ${NAME} stands for a template's parameter."),
  valueFrom: opaque("Where the value comes from, when it is not given outright. Parameters are not replaced in it."),
});
export type StepEnvVar = Static<typeof StepEnvVar>;

/** Puts a volume into a step's file system. */
export const StepVolumeMount = Type.Object({
  name: Type.String({
    description:
      "Name of one of the volumes. credentials-docker and credentials-git give the ServiceAccount's credentials.",
  }),
  mountPath: Type.String({ description: "Where to mount it." }),
  readOnly: flag("Whether it may only be read."),
  subPath: text("Mounts this path of the volume rather than its root."),
  subPathExpr: text("As subPath, with $(VAR) replaced from the environment."),
  mountPropagation: text("How mounts spread."),
  recursiveReadOnly: text("Whether mounts below it may only be read too."),
});
export type StepVolumeMount = Static<typeof StepVolumeMount>;

/** What a step may keep from one build to the next. */
export const StepCache = Type.Object({
  key: Type.Array(Type.String(), {
    description: "Files below /workspace, as globs, whose content makes the key: the same content, the same entry.",
  }),
  paths: Type.Array(Type.String(), {
    description: "What is kept: paths below /workspace or the step's home directory.",
  }),
});
export type StepCache = Static<typeof StepCache>;

const Resources = Type.Object({
  requests: Type.Optional(
    MapOf(IntOrString(), { description: "What is reserved. A build asks for its largest step, not for the sum." }),
  ),
  limits: Type.Optional(MapOf(IntOrString(), { description: "The most the step may use." })),
  claims: opaques("Devices that the step uses."),
});

const containerProperties = {
  name: text("Name of the step; its container is build-step-<name>."),
  image: text("The image to run."),
  command: texts("The program to run instead of the image's entry point."),
  args: texts("Arguments to the program."),
  workingDir: text("Directory the step starts in. Default and base of relative paths: /workspace."),
  env: Type.Optional(
    Type.Array(StepEnvVar, { description: "Environment variables. HOME is /builder/home unless set." }),
  ),
  envFrom: opaques("ConfigMaps and Secrets whose keys become variables."),
  volumeMounts: Type.Optional(
    Type.Array(StepVolumeMount, { description: "Volumes to mount, beside /workspace and /builder/home." }),
  ),
  volumeDevices: opaques("Block devices to map in."),
  resources: Type.Optional(described(Resources, "CPU, memory and so on that the step asks for and may use.")),
  imagePullPolicy: Type.Optional(
    StringEnum(["Always", "IfNotPresent", "Never"], { description: "When to pull the image." }),
  ),
  securityContext: opaque("How much the step may do."),
  terminationMessagePath: text("File whose content is reported when the step ends. Results are read from it."),
  terminationMessagePolicy: text("File or FallbackToLogsOnError."),
  ports: opaques("Ports that the step listens on."),
  livenessProbe: opaque("Refused by Kubernetes: a step is an init container."),
  readinessProbe: opaque("Refused by Kubernetes: a step is an init container."),
  startupProbe: opaque("Refused by Kubernetes: a step is an init container."),
  lifecycle: opaque("Refused by Kubernetes: a step is an init container."),
  resizePolicy: opaques("What happens when resources are changed in place."),
  restartPolicy: text("Not for steps."),
  stdin: flag("Whether the step has a standard input."),
  stdinOnce: flag("Whether the standard input ends with its first client."),
  tty: flag("Whether the step has a terminal."),
} as const;

/** A container that fetches a source in a way of its own. */
export const SourceContainer = Type.Object(containerProperties);
export type SourceContainer = Static<typeof SourceContainer>;

/** One step of a build: a container that runs to its end before the next one starts. */
export const Step = Type.Object({
  ...containerProperties,
  cache: Type.Optional(described(StepCache, "What the step may keep from one build to the next.")),
});
export type Step = Static<typeof Step>;

/** A volume: any of Kubernetes'. The named ones are those in which parameters are replaced. */
export const BuildVolume = Preserved<
  Record<string, unknown> & {
    name?: string;
    persistentVolumeClaim?: { claimName?: string; readOnly?: boolean };
    configMap?: Record<string, unknown> & { name?: string };
    secret?: Record<string, unknown> & { secretName?: string };
  }
>({ description: "A volume, as in a Pod." }, { name: Type.String({ description: "Name by which steps mount it." }) });
export type BuildVolume = Static<typeof BuildVolume>;
