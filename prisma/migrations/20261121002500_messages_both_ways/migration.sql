-- DropIndex
DROP INDEX "message_conversation_id_direction_external_id_key";

-- AlterTable
ALTER TABLE "channel" ADD COLUMN     "finish_on_close" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "notes" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "recover_max_age_hours" INTEGER NOT NULL DEFAULT 72;

-- AlterTable
ALTER TABLE "conversation" ADD COLUMN     "previous_ids" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "message" ADD COLUMN     "attachments" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "author" TEXT NOT NULL DEFAULT 'person',
ADD COLUMN     "confirmed_at" TIMESTAMPTZ(3),
ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "edited_at" TIMESTAMPTZ(3),
ADD COLUMN     "message_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "part" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "read_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "messenger" ADD COLUMN     "delivery_gate_id" BIGINT;

-- Messengers there are already get a gate of their own for what goes out.
INSERT INTO "gate" ("key") SELECT 'deliveries:' || "id" FROM "messenger";
UPDATE "messenger" m SET "delivery_gate_id" = g."id" FROM "gate" g WHERE g."key" = 'deliveries:' || m."id";
ALTER TABLE "messenger" ALTER COLUMN "delivery_gate_id" SET NOT NULL;

-- Edits and deletions that came before their message wait in these rows; a migration hides the new id until it is applied.
CREATE INDEX "webhook_event_ignored_idx" ON "webhook_event" ("messenger_id", "external_id") WHERE "state" = 'ignored';
CREATE INDEX "webhook_event_migrating_idx" ON "webhook_event" ("messenger_id", ("payload" -> 'data' ->> 'newId'))
  WHERE "type" = 'conversation.migrated' AND "state" = 'accepted';

-- AlterTable
ALTER TABLE "portal_event" ADD COLUMN     "conversation_id" UUID;

-- CreateIndex
CREATE INDEX "conversation_previous_ids_idx" ON "conversation" USING GIN ("previous_ids");

-- CreateIndex
CREATE INDEX "message_external_id_idx" ON "message"("external_id");

-- CreateIndex
CREATE INDEX "message_message_ids_idx" ON "message" USING GIN ("message_ids");

-- CreateIndex
CREATE UNIQUE INDEX "message_conversation_id_direction_external_id_part_key" ON "message"("conversation_id", "direction", "external_id", "part");

-- CreateIndex
CREATE UNIQUE INDEX "messenger_delivery_gate_id_key" ON "messenger"("delivery_gate_id");

-- CreateIndex
CREATE INDEX "portal_event_conversation_id_id_idx" ON "portal_event"("conversation_id", "id");

-- AddForeignKey
ALTER TABLE "messenger" ADD CONSTRAINT "messenger_delivery_gate_id_fkey" FOREIGN KEY ("delivery_gate_id") REFERENCES "gate"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
