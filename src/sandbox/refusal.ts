export interface RefusalDetails {
  readonly status?: number;
  /** Further keys of the error body, e.g. `argument` (contract imconnector §1.2). */
  readonly extra?: Record<string, unknown>;
}

/** An error the portal answers on purpose. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly extra: Record<string, unknown>;

  constructor(code: string, description: string, details: RefusalDetails = {}) {
    super(description);
    this.name = 'Refusal';
    this.code = code;
    this.status = details.status ?? 400;
    this.extra = details.extra ?? {};
  }
}

export function refuse(code: string, description: string, details?: RefusalDetails): never {
  throw new Refusal(code, description, details);
}

/** `ERROR_ARGUMENT` names the argument in a key of its own. */
export function refuseArgument(argument: string, problem = `Argument '${argument}' is null or empty`): never {
  refuse('ERROR_ARGUMENT', problem, { extra: { argument } });
}
