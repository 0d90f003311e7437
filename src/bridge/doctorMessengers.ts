import type { Prisma } from '../db/database.ts';
import type { Probed } from '../messenger/probe.ts';
import { type Examine, type Look, type Ward } from './doctorContext.ts';
import { type Diagnosis, diagnosis, fine, type Judgement, type Remedy, trouble } from './doctorFinding.ts';

/** The other side: whether the messengers of this portal's channels take what operators write. */

type MessengerRow = Prisma.MessengerGetPayload<{ include: { deliveryGate: true } }>;

/** What a probe came to. Pure. */
export function judgeProbe(probed: Probed): Judgement {
  if ('status' in probed) {
    const { status } = probed;
    const said = `its deliveryUrl answers (${status} to a HEAD request)`;
    if (status === 410) return trouble('gone', said, 'the messenger wants no deliveries there: PATCH its deliveryUrl');
    if (status < 500) return fine(said);
    return trouble(`http_${status}`, said, 'look at the messenger: its own log tells why it fails');
  }
  if (probed.failure === 'address_not_allowed') {
    const repair = 'if that is meant, add its network to EGRESS_ALLOW; else PATCH the deliveryUrl';
    return trouble(probed.failure, 'its deliveryUrl leads into a private network', repair);
  }
  const repair = 'see that the messenger runs and that this machine reaches its deliveryUrl';
  return trouble(probed.failure, `its deliveryUrl does not answer: ${probed.detail}`, repair);
}

/** Deliveries that were stopped, while the messenger answers. Pure. */
export function judgeDeliveries(
  gate: { paused: boolean; blockedUntil: Date | null },
  probe: Judgement,
  now: number,
): Judgement {
  if (probe.state !== 'ok') return probe;
  const resumes = 'deliveries go on';
  if (gate.paused)
    return trouble('deliveries_stopped', `${probe.detail}, but deliveries were stopped after a 410`, resumes);
  if ((gate.blockedUntil?.getTime() ?? 0) > now) {
    return trouble('deliveries_blocked', `${probe.detail}, but deliveries wait`, resumes);
  }
  return probe;
}

/** Some bridges only bring names and messages to the portal: an address is missed when an operator has written. Pure. */
export const judgeNoAddress = (waiting: number): Judgement =>
  waiting === 0
    ? fine('it has no deliveryUrl, and nothing waits for one')
    : trouble(
        'no_delivery_url',
        `it has no deliveryUrl, and ${waiting} deliveries to it wait`,
        'PATCH /messengers/{slug} with the deliveryUrl',
      );

const waitingFor = ({ db, portal }: Look, { deliveryGateId: gateId }: MessengerRow): Promise<number> =>
  db.prisma.job.count({ where: { portalId: portal.id, gateId, state: { in: ['waiting', 'running'] } } });

const goOn =
  ({ db, wake }: Look, { deliveryGateId: id }: MessengerRow): Remedy =>
  async () => {
    const data = { paused: false, blockedUntil: null, blockedReason: null };
    await db.prisma.gate.update({ where: { id }, data });
    wake.all([id.toString()]);
  };

async function examineOne(look: Look, row: MessengerRow): Promise<Diagnosis> {
  if (row.deliveryUrl === null) return diagnosis('messenger', row.slug, judgeNoAddress(await waitingFor(look, row)));
  const probe = judgeProbe(await look.messengers.ask(row.deliveryUrl, look.signal));
  const judgement = judgeDeliveries(row.deliveryGate, probe, look.clock.now());
  return diagnosis('messenger', row.slug, judgement, probe.state === 'ok' && goOn(look, row));
}

const examine: Examine = async (look) => {
  const where = { channels: { some: { portalId: look.portal.id } } };
  const rows = await look.db.prisma.messenger.findMany({
    where,
    include: { deliveryGate: true },
    orderBy: { slug: 'asc' },
  });
  return Promise.all(rows.map((row) => examineOne(look, row)));
};

export const messengersWard: Ward = { checks: ['messenger'], examine };
