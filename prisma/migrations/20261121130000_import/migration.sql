-- Runs of imports: their lines may belong to several portals, and a line may become no conversation.
ALTER TABLE "run" ALTER COLUMN "portal_id" DROP NOT NULL;
ALTER TABLE "run" ADD COLUMN "position" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "run" ADD COLUMN "counts" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "run_finding" ALTER COLUMN "conversation_id" DROP NOT NULL;

-- CreateTable
CREATE TABLE "import_line" (
    "run_id" UUID NOT NULL,
    "line" INTEGER NOT NULL,
    "channel_id" UUID,
    "external_id" TEXT NOT NULL,
    "dialog_key" TEXT NOT NULL,
    "conversation_id" UUID NOT NULL,
    "name" TEXT,
    "kind" TEXT,
    "external_user_id" TEXT,
    "chat_id" TEXT,
    "problem" TEXT,
    "portal_id" UUID,

    CONSTRAINT "import_line_pkey" PRIMARY KEY ("run_id","line")
);

-- CreateIndex
CREATE INDEX "import_line_run_id_external_id_idx" ON "import_line"("run_id", "external_id");

-- CreateIndex
CREATE INDEX "import_line_run_id_portal_id_line_idx" ON "import_line"("run_id", "portal_id", "line");

-- AddForeignKey
ALTER TABLE "import_line" ADD CONSTRAINT "import_line_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE CASCADE ON UPDATE CASCADE;
