-- CreateTable
CREATE TABLE "setting" (
    "key" TEXT NOT NULL,
    "value" TEXT NOT NULL,

    CONSTRAINT "setting_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "portal" (
    "id" UUID NOT NULL,
    "member_id" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "client_endpoint" TEXT NOT NULL,
    "server_endpoint" TEXT NOT NULL,
    "application_token_hash" TEXT,
    "scope" TEXT[],
    "plan" TEXT NOT NULL DEFAULT 'standard',
    "app_version" TEXT,
    "bot_generation" TEXT NOT NULL DEFAULT 'unknown',
    "gate_id" BIGINT NOT NULL,
    "installed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "set_up_at" TIMESTAMPTZ(3),
    "uninstalled_at" TIMESTAMPTZ(3),

    CONSTRAINT "portal_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "grant" (
    "id" UUID NOT NULL,
    "portal_id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "access_token" TEXT NOT NULL,
    "refresh_token" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "refreshed_at" TIMESTAMPTZ(3) NOT NULL,
    "lost_reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "grant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "connector" (
    "id" UUID NOT NULL,
    "portal_id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "icon" TEXT,
    "color" TEXT,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "last_error" TEXT,
    "registered_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "connector_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "bot" (
    "id" UUID NOT NULL,
    "portal_id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "bot_id" INTEGER,
    "name" TEXT NOT NULL,
    "last_name" TEXT,
    "work_position" TEXT,
    "color" TEXT,
    "gender" TEXT,
    "avatar" TEXT,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "last_error" TEXT,
    "applied_hash" TEXT,
    "registered_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "bot_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "messenger" (
    "id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "preset" TEXT NOT NULL DEFAULT 'standard',
    "delivery_url" TEXT,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "gate_id" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "messenger_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "messenger_secret" (
    "id" UUID NOT NULL,
    "messenger_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "messenger_secret_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "person" (
    "messenger_id" UUID NOT NULL,
    "external_id" TEXT NOT NULL,
    "profile" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "person_pkey" PRIMARY KEY ("messenger_id","external_id")
);

-- CreateTable
CREATE TABLE "webhook_event" (
    "id" BIGSERIAL NOT NULL,
    "messenger_id" UUID NOT NULL,
    "event_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "external_id" TEXT,
    "payload" JSONB NOT NULL,
    "request_id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'accepted',
    "note" TEXT,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "applied_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "portal_event" (
    "id" BIGSERIAL NOT NULL,
    "portal_id" UUID NOT NULL,
    "dedupe_key" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "request_id" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'accepted',
    "note" TEXT,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "applied_at" TIMESTAMPTZ(3),

    CONSTRAINT "portal_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "channel" (
    "id" UUID NOT NULL,
    "portal_id" UUID NOT NULL,
    "messenger_id" UUID NOT NULL,
    "connector_id" UUID NOT NULL,
    "line_id" INTEGER NOT NULL,
    "auto_map" BOOLEAN NOT NULL DEFAULT true,
    "title_template" TEXT,
    "companion" JSONB NOT NULL DEFAULT '{"mode":"off"}',
    "state" TEXT NOT NULL DEFAULT 'pending',
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "channel_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "conversation" (
    "id" UUID NOT NULL,
    "channel_id" UUID NOT NULL,
    "messenger_id" UUID NOT NULL,
    "external_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "dialog_key" TEXT NOT NULL,
    "external_user_id" TEXT,
    "url" TEXT,
    "avatar_url" TEXT,
    "topic" TEXT,
    "wanted_name" TEXT,
    "wanted_name_at" TIMESTAMPTZ(3),
    "wanted_name_sequence" BIGINT,
    "wanted_name_heard_at" TIMESTAMPTZ(3),
    "name_locked" BOOLEAN NOT NULL DEFAULT false,
    "held_name" TEXT,
    "held_name_at" TIMESTAMPTZ(3),
    "held_name_sequence" BIGINT,
    "applied_name" TEXT,
    "applied_title" TEXT,
    "applied_at" TIMESTAMPTZ(3),
    "name_state" TEXT NOT NULL DEFAULT 'waitingForDialog',
    "name_error" TEXT,
    "chat_id" TEXT,
    "session_id" TEXT,
    "session_open" BOOLEAN NOT NULL DEFAULT false,
    "bitrix_user_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "conversation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "message" (
    "id" UUID NOT NULL,
    "conversation_id" UUID NOT NULL,
    "direction" TEXT NOT NULL,
    "external_id" TEXT NOT NULL,
    "sender_id" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "last_error" TEXT,
    "chat_id" TEXT,
    "session_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "delivered_at" TIMESTAMPTZ(3),

    CONSTRAINT "message_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "companion" (
    "id" UUID NOT NULL,
    "conversation_id" UUID NOT NULL,
    "bot_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "last_error" TEXT,
    "title" TEXT,
    "description" TEXT,
    "color" TEXT,
    "avatar" TEXT,
    "owner_user_id" INTEGER,
    "manager_user_ids" INTEGER[],
    "member_user_ids" INTEGER[],
    "create_started_at" TIMESTAMPTZ(3),
    "chat_id" TEXT,
    "applied_title" TEXT,
    "applied_description" TEXT,
    "applied_color" TEXT,
    "applied_avatar_hash" TEXT,
    "applied_owner_id" INTEGER,
    "applied_manager_ids" INTEGER[],
    "applied_member_ids" INTEGER[],
    "unusable_user_ids" INTEGER[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ready_at" TIMESTAMPTZ(3),

    CONSTRAINT "companion_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "gate" (
    "id" BIGSERIAL NOT NULL,
    "key" TEXT NOT NULL,
    "tat" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "step_ms" INTEGER NOT NULL DEFAULT 0,
    "burst_ms" INTEGER NOT NULL DEFAULT 0,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "blocked_until" TIMESTAMPTZ(3),
    "blocked_reason" TEXT,

    CONSTRAINT "gate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "lane" (
    "id" BIGSERIAL NOT NULL,
    "gate_id" BIGINT NOT NULL,
    "key" TEXT NOT NULL,
    "class" TEXT NOT NULL,
    "tail" BIGINT NOT NULL DEFAULT 0,
    "head" BIGINT NOT NULL DEFAULT 0,
    "claim_no" BIGINT NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6),

    CONSTRAINT "lane_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job" (
    "id" BIGSERIAL NOT NULL,
    "lane_id" BIGINT NOT NULL,
    "gate_id" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "coalesce_key" TEXT,
    "payload" JSONB NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "started" BOOLEAN NOT NULL DEFAULT false,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "doubt" BOOLEAN NOT NULL DEFAULT false,
    "may_run_until" TIMESTAMPTZ(3),
    "last_code" TEXT,
    "last_error" TEXT,
    "request_id" TEXT,
    "portal_id" UUID,
    "conversation_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "finished_job" (
    "id" BIGINT NOT NULL,
    "lane_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "attempts" INTEGER NOT NULL,
    "request_id" TEXT,
    "portal_id" UUID,
    "conversation_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "finished_job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attempt" (
    "id" BIGSERIAL NOT NULL,
    "job_id" BIGINT NOT NULL,
    "outcome" TEXT NOT NULL,
    "code" TEXT,
    "status" INTEGER,
    "detail" TEXT,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,

    CONSTRAINT "attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotent_request" (
    "api_key_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "status" INTEGER,
    "body" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotent_request_pkey" PRIMARY KEY ("api_key_id","key")
);

-- CreateIndex
CREATE UNIQUE INDEX "portal_member_id_key" ON "portal"("member_id");

-- CreateIndex
CREATE UNIQUE INDEX "portal_gate_id_key" ON "portal"("gate_id");

-- CreateIndex
CREATE UNIQUE INDEX "grant_portal_id_user_id_key" ON "grant"("portal_id", "user_id");

-- CreateIndex
CREATE UNIQUE INDEX "connector_portal_id_code_key" ON "connector"("portal_id", "code");

-- CreateIndex
CREATE UNIQUE INDEX "bot_portal_id_code_key" ON "bot"("portal_id", "code");

-- CreateIndex
CREATE UNIQUE INDEX "messenger_slug_key" ON "messenger"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "messenger_gate_id_key" ON "messenger"("gate_id");

-- CreateIndex
CREATE INDEX "messenger_secret_messenger_id_kind_idx" ON "messenger_secret"("messenger_id", "kind");

-- CreateIndex
CREATE INDEX "webhook_event_messenger_id_external_id_id_idx" ON "webhook_event"("messenger_id", "external_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "webhook_event_messenger_id_event_id_key" ON "webhook_event"("messenger_id", "event_id");

-- CreateIndex
CREATE UNIQUE INDEX "portal_event_portal_id_dedupe_key_key" ON "portal_event"("portal_id", "dedupe_key");

-- CreateIndex
CREATE INDEX "channel_messenger_id_idx" ON "channel"("messenger_id");

-- CreateIndex
CREATE UNIQUE INDEX "channel_connector_id_line_id_key" ON "channel"("connector_id", "line_id");

-- CreateIndex
CREATE INDEX "conversation_channel_id_id_idx" ON "conversation"("channel_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "conversation_messenger_id_external_id_key" ON "conversation"("messenger_id", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "message_conversation_id_direction_external_id_key" ON "message"("conversation_id", "direction", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "companion_conversation_id_key" ON "companion"("conversation_id");

-- CreateIndex
CREATE UNIQUE INDEX "companion_key_key" ON "companion"("key");

-- CreateIndex
CREATE UNIQUE INDEX "gate_key_key" ON "gate"("key");

-- CreateIndex
CREATE UNIQUE INDEX "lane_gate_id_key_key" ON "lane"("gate_id", "key");

-- CreateIndex
CREATE INDEX "job_conversation_id_id_idx" ON "job"("conversation_id", "id");

-- CreateIndex
CREATE INDEX "job_portal_id_id_idx" ON "job"("portal_id", "id");

-- CreateIndex
CREATE INDEX "finished_job_conversation_id_id_idx" ON "finished_job"("conversation_id", "id");

-- CreateIndex
CREATE INDEX "finished_job_portal_id_id_idx" ON "finished_job"("portal_id", "id");

-- CreateIndex
CREATE INDEX "finished_job_finished_at_idx" ON "finished_job"("finished_at");

-- CreateIndex
CREATE INDEX "attempt_job_id_idx" ON "attempt"("job_id");

-- CreateIndex
CREATE INDEX "attempt_started_at_idx" ON "attempt"("started_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE INDEX "idempotent_request_created_at_idx" ON "idempotent_request"("created_at");

-- AddForeignKey
ALTER TABLE "portal" ADD CONSTRAINT "portal_gate_id_fkey" FOREIGN KEY ("gate_id") REFERENCES "gate"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "grant" ADD CONSTRAINT "grant_portal_id_fkey" FOREIGN KEY ("portal_id") REFERENCES "portal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "connector" ADD CONSTRAINT "connector_portal_id_fkey" FOREIGN KEY ("portal_id") REFERENCES "portal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "bot" ADD CONSTRAINT "bot_portal_id_fkey" FOREIGN KEY ("portal_id") REFERENCES "portal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messenger" ADD CONSTRAINT "messenger_gate_id_fkey" FOREIGN KEY ("gate_id") REFERENCES "gate"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messenger_secret" ADD CONSTRAINT "messenger_secret_messenger_id_fkey" FOREIGN KEY ("messenger_id") REFERENCES "messenger"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "person" ADD CONSTRAINT "person_messenger_id_fkey" FOREIGN KEY ("messenger_id") REFERENCES "messenger"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "channel" ADD CONSTRAINT "channel_portal_id_fkey" FOREIGN KEY ("portal_id") REFERENCES "portal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "channel" ADD CONSTRAINT "channel_messenger_id_fkey" FOREIGN KEY ("messenger_id") REFERENCES "messenger"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "channel" ADD CONSTRAINT "channel_connector_id_fkey" FOREIGN KEY ("connector_id") REFERENCES "connector"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channel"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_messenger_id_fkey" FOREIGN KEY ("messenger_id") REFERENCES "messenger"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "companion" ADD CONSTRAINT "companion_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "companion" ADD CONSTRAINT "companion_bot_id_fkey" FOREIGN KEY ("bot_id") REFERENCES "bot"("id") ON DELETE RESTRICT ON UPDATE CASCADE;



-- What Prisma's schema cannot say: partial indexes and storage settings of the outbox's hot tables.
-- Updates of a lane stay on its page (fillfactor); vacuum keeps up with rows that live for milliseconds.
ALTER TABLE "lane" SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE "job" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE "gate" SET (fillfactor = 50);

-- The claim: due lanes of one gate and class, oldest first.
CREATE INDEX "lane_due" ON "lane"("gate_id", "class", "due_at") WHERE "due_at" IS NOT NULL;
-- The head of a lane.
CREATE UNIQUE INDEX "job_head" ON "job"("lane_id", "seq") WHERE "state" IN ('waiting', 'running');
-- A job that was never claimed absorbs newer ones of its key.
CREATE UNIQUE INDEX "job_coalesce" ON "job"("lane_id", "coalesce_key") WHERE "coalesce_key" IS NOT NULL AND NOT "started";
-- What needs a decision.
CREATE INDEX "job_stuck" ON "job"("state", "id") WHERE "state" IN ('dead', 'parked');
-- What is still to be applied of a conversation.
CREATE INDEX "webhook_event_accepted" ON "webhook_event"("messenger_id", "external_id", "id") WHERE "state" = 'accepted';
-- Filters of the administration.
CREATE INDEX "conversation_name_state" ON "conversation"("name_state", "id") WHERE "name_state" <> 'applied';
CREATE INDEX "message_pending" ON "message"("conversation_id") WHERE "state" = 'pending';
