import { availableParallelism } from "node:os";

// Tests run TypeScript sources directly: workspace packages resolve through their "@kelvin/source" export.
export default {
  testEnvironment: "node",
  // jest would keep one core for itself; but many suites mostly wait for processes and brokers.
  maxWorkers: availableParallelism() + 1,
  testMatch: ["<rootDir>/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "/.kelvin/", "<rootDir>/e2e/"],
  modulePathIgnorePatterns: ["/dist/", "/.kelvin/"],
  extensionsToTreatAsEsm: [".ts"],
  testEnvironmentOptions: { customExportConditions: ["@kelvin/source", "node", "import"] },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2024" }, module: { type: "es6" } },
    ],
  },
};
