-- Counting jobs by kind and state, and finding the oldest of a kind, without reading the table.
-- CreateIndex
CREATE INDEX "job_kind_state_id_idx" ON "job"("kind", "state", "id");

-- Most companions are ready; the others are counted.
CREATE INDEX "companion_unready" ON "companion"("state") WHERE "state" <> 'ready';

-- What one person wrote, for whoever wants it erased.
-- CreateIndex
CREATE INDEX "message_sender_id_idx" ON "message"("sender_id");
