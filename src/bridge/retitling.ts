import type { Database } from '../db/database.ts';
import type { Handler } from '../outbox/job.ts';
import { convergeTitles, lockConversation } from './conversations.ts';

/** Conversations are locked while their page is looked through: a page takes far less than a second. */
const PAGE = 100;

/**
 * A channel makes its titles differently now: compares every conversation of it, and queues what is not equal. Begins
 * anew after a crash, which costs a comparison each.
 */
export function createChannelRetitling({ db }: { db: Database }): Handler {
  const nextPage = (channelId: string, after: string | undefined): Promise<{ id: string }[]> =>
    db.prisma.conversation.findMany({
      where: { channelId, ...(after === undefined ? {} : { id: { gt: after } }) },
      select: { id: true },
      orderBy: { id: 'asc' },
      take: PAGE,
    });

  return {
    async run(job, run) {
      const { channelId = '' } = job.payload;
      for (let after: string | undefined; ;) {
        const page = await nextPage(channelId, after);
        if (page.length === 0) return { outcome: 'done' };
        await run.checkpoint(async (tx) => {
          for (const { id } of page) {
            const conversation = await lockConversation(tx, id);
            if (conversation) await convergeTitles(tx, conversation, job.requestId);
          }
        });
        after = page.at(-1)?.id;
      }
    },
  };
}
