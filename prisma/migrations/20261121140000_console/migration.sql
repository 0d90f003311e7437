-- Sessions of the console.
CREATE TABLE "console_session" (
    "id" UUID NOT NULL,
    "hash" TEXT NOT NULL,
    "api_key_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "console_session_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "console_session_hash_key" ON "console_session"("hash");
CREATE INDEX "console_session_api_key_id_idx" ON "console_session"("api_key_id");
CREATE INDEX "console_session_seen_at_idx" ON "console_session"("seen_at");
ALTER TABLE "console_session" ADD CONSTRAINT "console_session_api_key_id_fkey" FOREIGN KEY ("api_key_id") REFERENCES "api_key"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Throughput and backlog, five minutes a row.
CREATE TABLE "activity" (
    "at" TIMESTAMPTZ(3) NOT NULL,
    "received" INTEGER NOT NULL,
    "done" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "backlog" INTEGER,

    CONSTRAINT "activity_pkey" PRIMARY KEY ("at")
);

-- Events come in the order of time, so a few bytes per range find the last minutes, at no cost worth naming.
CREATE INDEX "webhook_event_received_at_idx" ON "webhook_event" USING BRIN ("received_at") WITH (pages_per_range = 32, autosummarize = on);

-- What needs a person is found without reading what does not.
CREATE INDEX "companion_failed" ON "companion"("id") WHERE "state" = 'failed';
