-- AlterTable
ALTER TABLE "portal" ADD COLUMN     "installer_user_id" TEXT;

-- CreateTable
CREATE TABLE "method_limit" (
    "portal_id" UUID NOT NULL,
    "method" TEXT NOT NULL,
    "operating_s" DOUBLE PRECISION NOT NULL,
    "reset_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "method_limit_pkey" PRIMARY KEY ("portal_id","method")
);

-- AddForeignKey
ALTER TABLE "method_limit" ADD CONSTRAINT "method_limit_portal_id_fkey" FOREIGN KEY ("portal_id") REFERENCES "portal"("id") ON DELETE CASCADE ON UPDATE CASCADE;


