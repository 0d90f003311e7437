-- The message another one answers, by the messenger's id.
ALTER TABLE "message" ADD COLUMN "reply_to_id" TEXT;
