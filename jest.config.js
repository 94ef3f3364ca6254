import { availableParallelism } from "node:os";

// Tests run TypeScript sources directly: workspace packages resolve through their "@kelvin/source" export.
export default {
  testEnvironment: "node",
  // jest would keep one core for itself; many suites wait for processes, so on two cores a second worker halves the time.
  maxWorkers: Math.max(2, availableParallelism() - 1),
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
