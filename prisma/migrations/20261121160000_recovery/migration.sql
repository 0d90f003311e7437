-- Which conversations are looked at after a short silence.
CREATE INDEX "message_created_at_idx" ON "message"("created_at");
