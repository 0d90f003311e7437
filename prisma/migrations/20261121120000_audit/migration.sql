-- CreateTable
CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "api_key_id" UUID NOT NULL,
    "api_key_name" TEXT NOT NULL,
    "request_id" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "target_type" TEXT NOT NULL,
    "target_id" TEXT,
    "request" JSONB NOT NULL DEFAULT '{}',
    "before" JSONB,
    "after" JSONB,
    "status" INTEGER,
    "code" TEXT,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_entry_at_idx" ON "audit_entry"("at");

-- CreateIndex
CREATE INDEX "audit_entry_api_key_id_id_idx" ON "audit_entry"("api_key_id", "id");

-- CreateIndex
CREATE INDEX "audit_entry_operation_id_idx" ON "audit_entry"("operation", "id");

-- CreateIndex
CREATE INDEX "audit_entry_target_type_target_id_id_idx" ON "audit_entry"("target_type", "target_id", "id");
