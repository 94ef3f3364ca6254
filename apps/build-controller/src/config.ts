import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePort } from "@kelvin/http-service";
import type { S3Bucket } from "./logs/s3-client.ts";

/** Where this process runs and listens, from the environment. */
export interface Config {
  readonly systemNamespace: string;
  readonly podName: string;
  readonly host: string;
  readonly internalPort: number;
  readonly admissionPort: number;
  /** Where the output of steps is kept, unless that is a bucket. */
  readonly logDirectory: string;
  /** An S3-compatible bucket for the output of steps. */
  readonly logBucket?: S3Bucket;
}

/** Parses the environment. @throws Error naming the variable that is wrong and what is allowed. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  return {
    systemNamespace: env["SYSTEM_NAMESPACE"] ?? "knative-build",
    podName: env["POD_NAME"] ?? `build-controller-${process.pid}`,
    // Inside a Pod every address of the Pod is meant; elsewhere nobody but this machine.
    host: env["POD_IP"] === undefined ? "127.0.0.1" : "0.0.0.0",
    internalPort: parsePort(env, "INTERNAL_PORT", 8090),
    admissionPort: parsePort(env, "ADMISSION_PORT", 8443),
    logDirectory: env["LOG_DIR"] ?? join(tmpdir(), "kelvin-build-logs"),
    ...bucketOf(env),
  };
}

/** All of it or nothing: half a bucket is a mistake. */
function bucketOf(env: NodeJS.ProcessEnv): Pick<Config, "logBucket"> {
  const { LOG_S3_ENDPOINT: endpoint, LOG_S3_BUCKET: bucket, LOG_S3_REGION: region = "us-east-1" } = env;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (endpoint === undefined || endpoint === "") return {};
  if (!URL.canParse(endpoint)) throw new Error(`LOG_S3_ENDPOINT must be an http or https URL, was "${endpoint}"`);
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error("LOG_S3_ENDPOINT needs LOG_S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY beside it");
  }
  return { logBucket: { endpoint, bucket, region, accessKeyId, secretAccessKey } };
}
