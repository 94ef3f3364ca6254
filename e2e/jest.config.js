// The end-to-end tests. Each file starts a whole Kelvin, which mostly waits: two of them share two cores well.
import base from "../jest.config.js";

export default {
  ...base,
  rootDir: "..",
  testMatch: ["<rootDir>/e2e/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 2,
  testTimeout: 120_000,
};
