/** Which generation of the product the portal plays. */
export type Profile = 'cloud' | 'box-rev-32' | 'box-without-imbot-v2';

export type Plan = 'standard' | 'enterprise';

export interface BucketSize {
  readonly capacity: number;
  readonly drainPerSecond: number;
}

export interface PortalRow {
  readonly memberId: string;
  readonly title: string;
  readonly profile: Profile;
  readonly plan: Plan;
  readonly language: string;
  /** The bucket of the plan, one of its own, or none. Self-hosted portals never have one (contract platform §4.1). */
  readonly requestLimit: 'plan' | 'off' | BucketSize;
  /** Port the portal answers on now, and the ports it moved away from. */
  readonly port: number;
  readonly formerPorts: readonly number[];
}
