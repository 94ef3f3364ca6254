// The end-to-end tests: one file after the other, since each starts a whole Kelvin.
import base from "../jest.config.js";

export default {
  ...base,
  rootDir: "..",
  testMatch: ["<rootDir>/e2e/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
  testTimeout: 120_000,
};
