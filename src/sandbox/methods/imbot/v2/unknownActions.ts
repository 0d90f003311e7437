import { refuse } from '../../../refusal.ts';
import type { Method } from '../../method.ts';
import { v2Method } from './botCall.ts';

/** Controllers the portal has; the longer names first, so that each call meets its own. */
const CONTROLLERS = [
  'Chat.Message',
  'Chat.User',
  'Chat.Manager',
  'Chat.TextField',
  'Chat.InputAction',
  'Chat',
  'Bot',
  'Event',
];

/** An action the controller does not know is an error of the controller, not an unknown method (contract imbot §1.8). */
export const unknownActions: readonly Method[] = [
  ...CONTROLLERS.map((controller) => unknown(controller)),
  { ...unknown('Revision'), profiles: ['cloud'] },
];

function unknown(controller: string): Method {
  return v2Method(`${controller}.*`, ({ method }) => {
    const action = method.slice(`imbot.v2.${controller}.`.length);
    // A deeper name belongs to a controller the portal does not have.
    if (action.includes('.')) refuse('ERROR_METHOD_NOT_FOUND', 'Method not found!', { status: 404 });
    const name = controller.replace('.', '\\');
    refuse('22002', `Could not find description of ${action} in Bitrix\\Imbot\\V2\\Controller\\${name}`);
  });
}
