-- AlterTable
ALTER TABLE "bot" ADD COLUMN     "event_offset" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "last_error_detail" TEXT,
ADD COLUMN     "last_event_at" TIMESTAMPTZ(3),
ADD COLUMN     "next_token" TEXT,
ADD COLUMN     "poll_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "companion" ADD COLUMN     "archive_reason" TEXT,
ADD COLUMN     "archived_at" TIMESTAMPTZ(3),
ADD COLUMN     "duplicate_chat_ids" TEXT[],
ADD COLUMN     "last_error_detail" TEXT;

-- AlterTable
ALTER TABLE "portal" ADD COLUMN     "bot_probed_at" TIMESTAMPTZ(3);

-- CreateIndex
CREATE UNIQUE INDEX "companion_bot_id_chat_id_key" ON "companion"("bot_id", "chat_id");


