/** A Service of the probe application; `annotations` are those of the revision template. */
export interface ProbeService {
  name: string;
  image?: string;
  annotations?: Record<string, string>;
  env?: Record<string, string>;
  containerConcurrency?: number;
  traffic?: readonly object[];
}

/** Its manifest, as JSON (which is YAML). */
export function probeService({
  name,
  image = "dev.local/probe-app",
  annotations = {},
  env = {},
  ...rest
}: ProbeService): string {
  return JSON.stringify({
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name },
    spec: {
      template: {
        metadata: { annotations: { "autoscaling.knative.dev/window": "6s", ...annotations } },
        spec: {
          ...(rest.containerConcurrency === undefined ? {} : { containerConcurrency: rest.containerConcurrency }),
          containers: [{ image, env: Object.entries(env).map(([key, value]) => ({ name: key, value })) }],
        },
      },
      ...(rest.traffic === undefined ? {} : { traffic: rest.traffic }),
    },
  });
}
