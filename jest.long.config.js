import everything from './jest.config.js';

/**
 * Real browsers, the command line as processes of its own, a hundred portals, thousands of races, seventy-two hours: `npm test`
 * leaves them out, so that it stays a matter of two minutes. CI and `npm run check` run both.
 * @type {import('jest').Config}
 */
export default {
  ...everything,
  testMatch: ['<rootDir>/test/long/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
