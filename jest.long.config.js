import everything from './jest.config.js';

/**
 * Real browsers, processes of their own, a hundred portals, ten thousand failures, thousands of races and of random requests,
 * seventy-two hours: `npm test` leaves them out, so that it stays a matter of two minutes. CI and `npm run check` run both.
 * @type {import('jest').Config}
 */
export default {
  ...everything,
  testMatch: ['<rootDir>/test/long/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  // These have little to wait for.
  maxWorkers: 3,
};
