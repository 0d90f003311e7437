-- AlterTable
ALTER TABLE "gate" ADD COLUMN     "bulk_holder" TEXT,
ADD COLUMN     "bulk_until" TIMESTAMPTZ(3);
