import {
  AnyValue,
  described,
  IntOrString,
  KeyedList,
  MapOf,
  Preserved,
  StringEnum,
  Type,
  type SchemaOptions,
  type Static,
} from "../../meta/schema.ts";

const text = (description: string) => Type.Optional(Type.String({ description }));
const int32 = (description: string) => Type.Optional(Type.Integer({ format: "int32", description }));
const int64 = (description: string) => Type.Optional(Type.Integer({ format: "int64", description }));
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const texts = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));

/** A field that Kubernetes knows and Knative does not allow: stored as given, so that validation can say so by its name. */
export const forbidden = Type.Optional(
  AnyValue({ description: "Known to Kubernetes, but not allowed in a Revision." }),
);

/** A reference means something only as a whole: half of one writer's and half of another's names nothing that either meant. */
const asOne = { "x-kubernetes-map-type": "atomic" } as const;

const keyInObject = (objectKind: string, options: SchemaOptions) =>
  Type.Optional(
    Type.Object(
      {
        key: Type.String({ description: `The key in the ${objectKind}.` }),
        name: text(`Name of the ${objectKind}, in the same namespace.`),
        optional: flag(`Whether the container may start without the ${objectKind} or its key.`),
      },
      { ...options, ...asOne },
    ),
  );

/** Where a variable's value comes from, when it is not given outright. */
const EnvVarSource = Type.Object({
  configMapKeyRef: keyInObject("ConfigMap", { description: "A key of a ConfigMap." }),
  secretKeyRef: keyInObject("Secret", { description: "A key of a Secret." }),
  fieldRef: Type.Optional(
    Preserved({ description: "A field of the pod. Needs the feature kubernetes.podspec-fieldref.", ...asOne }),
  ),
  resourceFieldRef: Type.Optional(
    Preserved({ description: "A resource of the container. Needs the feature kubernetes.podspec-fieldref.", ...asOne }),
  ),
  fileKeyRef: forbidden,
});

/** One environment variable. */
export const EnvVar = Type.Object({
  name: Type.Optional(Type.String({ description: "Name of the variable." })),
  value: text("Its value; $(VAR) refers to variables defined before."),
  valueFrom: Type.Optional(described(EnvVarSource, "Where the value comes from, when it is not given outright.")),
});
export type EnvVar = Static<typeof EnvVar>;

const namedSource = (objectKind: string) =>
  Type.Optional(
    Type.Object(
      {
        name: text(`Name of the ${objectKind}, in the same namespace.`),
        optional: flag(`Whether the container may start without the ${objectKind}.`),
      },
      { description: `All keys of a ${objectKind}.`, ...asOne },
    ),
  );

/** A whole ConfigMap or Secret as environment variables. */
export const EnvFromSource = Type.Object({
  prefix: text("Put before each key to make the variable's name."),
  configMapRef: namedSource("ConfigMap"),
  secretRef: namedSource("Secret"),
});
export type EnvFromSource = Static<typeof EnvFromSource>;

/** The port that the application serves on. */
export const ContainerPort = Type.Object({
  containerPort: int32("The port the application listens on, 1 to 65535. Default 8080; also given to it as $PORT."),
  name: text("http1 (the default) or h2c for HTTP/2 without TLS, as gRPC needs."),
  protocol: text("TCP."),
  hostIP: forbidden,
  hostPort: forbidden,
});
export type ContainerPort = Static<typeof ContainerPort>;

/** CPU, memory and so on that a container asks for and may use. */
export const ResourceRequirements = Type.Object({
  requests: Type.Optional(
    MapOf(IntOrString(), { description: "What is reserved for the container, such as cpu: 250m." }),
  ),
  limits: Type.Optional(
    MapOf(IntOrString(), { description: "The most the container may use, such as memory: 512Mi." }),
  ),
  claims: forbidden,
});
export type ResourceRequirements = Static<typeof ResourceRequirements>;

const HttpHeader = Type.Object({
  name: Type.String({ description: "Name of the header." }),
  value: Type.String({ description: "Its value." }),
});

/** How to find out whether a container is started, alive or ready. Exactly one of exec, grpc, httpGet and tcpSocket. */
export const Probe = Type.Object({
  exec: Type.Optional(
    Type.Object(
      { command: texts("The command; exit status 0 is healthy.") },
      { description: "Runs a command in the container." },
    ),
  ),
  grpc: Type.Optional(
    Type.Object(
      {
        port: int32("Port of the gRPC health service. Default: the container's port."),
        service: Type.Optional(Type.String({ description: "The service to ask about." })),
      },
      { description: "Asks the standard gRPC health service." },
    ),
  ),
  httpGet: Type.Optional(
    Type.Object(
      {
        path: text("Path to request."),
        port: Type.Optional(IntOrString({ description: "Port by number or name. Default: the container's port." })),
        host: text("Host to connect to. Default: the pod's address."),
        scheme: text("HTTP or HTTPS."),
        httpHeaders: Type.Optional(Type.Array(HttpHeader, { description: "Headers to send." })),
      },
      { description: "Sends an HTTP GET; a status of 200 to 399 is healthy." },
    ),
  ),
  tcpSocket: Type.Optional(
    Type.Object(
      {
        host: text("Host to connect to. Default: the pod's address."),
        port: Type.Optional(IntOrString({ description: "Port by number or name. Default: the container's port." })),
      },
      { description: "Opens a TCP connection." },
    ),
  ),
  initialDelaySeconds: int32("How long to wait after the container's start."),
  periodSeconds: int32("How often to probe. For readiness, 0 or none means every second."),
  timeoutSeconds: int32("When one probe counts as failed. Default 1."),
  successThreshold: int32("Successes in a row to count as healthy. Default 1."),
  failureThreshold: int32("Failures in a row to count as unhealthy. Default 3."),
  terminationGracePeriodSeconds: int64("How long the container may take to end when this probe fails."),
});
export type Probe = Static<typeof Probe>;

const Capabilities = Type.Object({
  add: texts("Capabilities to add. Needs the feature kubernetes.containerspec-addcapabilities."),
  drop: texts("Capabilities to drop, such as ALL."),
});

/** How much a container may do. */
export const SecurityContext = Type.Object({
  allowPrivilegeEscalation: flag("Whether a process may gain more privileges than its parent."),
  capabilities: Type.Optional(described(Capabilities, "Linux capabilities to drop or add.")),
  privileged: flag("Must be false."),
  readOnlyRootFilesystem: flag("Whether the root file system is read-only."),
  runAsGroup: int64("The group to run as."),
  runAsNonRoot: flag("Refuses to start a container that would run as root."),
  runAsUser: int64("The user to run as."),
  seccompProfile: Type.Optional(
    Type.Object(
      {
        type: Type.String({ description: "RuntimeDefault, Localhost or Unconfined." }),
        localhostProfile: text("The profile's file on the node, for Localhost."),
      },
      { description: "Which system calls are allowed." },
    ),
  ),
  appArmorProfile: forbidden,
  procMount: forbidden,
  seLinuxOptions: forbidden,
  windowsOptions: forbidden,
});
export type SecurityContext = Static<typeof SecurityContext>;

/** Puts a volume into a container's file system. */
export const VolumeMount = Type.Object({
  name: Type.Optional(Type.String({ description: "Name of one of the volumes." })),
  mountPath: Type.Optional(Type.String({ description: "Where to mount it." })),
  readOnly: flag("Whether it may only be read. Always true, except for volumes that are meant for writing."),
  subPath: text("Mounts this path of the volume rather than its root."),
  subPathExpr: text("As subPath, with $(VAR) replaced from the environment."),
  mountPropagation: text("How mounts spread. Needs the feature kubernetes.podspec-volumes-mount-propagation."),
  recursiveReadOnly: forbidden,
});
export type VolumeMount = Static<typeof VolumeMount>;

/** One container of a Revision. */
export const Container = Type.Object({
  name: text("Name of the container. Default user-container."),
  image: text("The image to run. It is resolved to a digest once, when the Revision is made."),
  imagePullPolicy: Type.Optional(
    StringEnum(["Always", "IfNotPresent", "Never"], { description: "When to pull the image." }),
  ),
  command: texts("The program to run instead of the image's entry point."),
  args: texts("Arguments to the program."),
  workingDir: text("Directory the program starts in. Default: the image's."),
  env: Type.Optional(
    KeyedList(EnvVar, "name", { description: "Environment variables. PORT and K_* are set for you." }),
  ),
  envFrom: Type.Optional(
    Type.Array(EnvFromSource, { description: "ConfigMaps and Secrets whose keys become variables." }),
  ),
  ports: Type.Optional(
    Type.Array(ContainerPort, { description: "At most one, on the one container that serves requests." }),
  ),
  resources: Type.Optional(
    described(ResourceRequirements, "CPU, memory and so on that the container asks for and may use."),
  ),
  readinessProbe: Type.Optional(
    described(Probe, "When the container can take requests. Default: when its port accepts connections."),
  ),
  livenessProbe: Type.Optional(described(Probe, "When the container has to be started anew.")),
  startupProbe: Type.Optional(described(Probe, "When the container has started; the other probes wait for it.")),
  securityContext: Type.Optional(described(SecurityContext, "How much the container may do.")),
  volumeMounts: Type.Optional(KeyedList(VolumeMount, "mountPath", { description: "Volumes to mount." })),
  terminationMessagePath: text("File whose content is reported when the container ends."),
  terminationMessagePolicy: text("File or FallbackToLogsOnError."),
  lifecycle: forbidden,
  resizePolicy: forbidden,
  restartPolicy: forbidden,
  restartPolicyRules: forbidden,
  stdin: forbidden,
  stdinOnce: forbidden,
  tty: forbidden,
  volumeDevices: forbidden,
});
export type Container = Static<typeof Container>;
