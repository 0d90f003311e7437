-- How a blocked portal is looked after: when it is asked again, and how often it was in vain.
ALTER TABLE "gate" ADD COLUMN     "recheck_at" TIMESTAMPTZ(3),
ADD COLUMN     "rechecks" INTEGER NOT NULL DEFAULT 0;

-- What a line shows of us cannot be read back from the portal.
ALTER TABLE "channel" ADD COLUMN     "applied_data_hash" TEXT;
