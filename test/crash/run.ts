// npm run test:crash [kills]: 1,000 kill points by default; prints what was lost, doubled or out of order.
import { crash, faultsIn } from './crash.ts';

const kills = Number(process.argv[2] ?? 1_000);
const report = await crash({
  kills,
  onProgress: (kill) => kill % 10 === 0 && console.log(`${kill} of ${kills} kills`),
});
console.dir(report, { depth: null });
process.exitCode = faultsIn(report) === 0 ? 0 : 1;
