import { expect, test } from '@jest/globals';
import { type CompanionState, isEmpty, needsOwner, planCompanion, rolesOf } from '../../../src/bridge/companionPlan.ts';

const state = (change: Partial<CompanionState> = {}): CompanionState => ({
  title: 'Order 1042',
  description: null,
  color: null,
  avatarHash: null,
  ownerId: null,
  managerIds: [],
  memberIds: [],
  ...change,
});

test('nothing is to be done when everything is as wanted', () => {
  const same = state({ memberIds: [2, 3], managerIds: [3], ownerId: 2 });
  expect(isEmpty(planCompanion(same, same, []))).toBe(true);
});

test('only what differs is sent', () => {
  const plan = planCompanion(
    state({ title: 'New', color: 'green', memberIds: [2, 3] }),
    state({ color: 'green', memberIds: [3, 4] }),
    [],
  );
  expect(plan).toEqual({
    addMembers: [2],
    removeMembers: [4],
    addManagers: [],
    removeManagers: [],
    change: { title: 'New' },
    handOverTo: undefined,
    takesBack: false,
  });
});

test('what is not wanted in particular is left as it is', () => {
  expect(planCompanion(state(), state({ description: 'by a person', color: 'red' }), []).change).toEqual({});
});

test('users the portal did not add before are not asked for again', () => {
  expect(planCompanion(state({ memberIds: [2, 9], managerIds: [9] }), state(), [9])).toMatchObject({
    addMembers: [2],
    addManagers: [],
  });
});

test('members can be changed by a bot that is not the owner any more; nothing else can', () => {
  expect(needsOwner(planCompanion(state({ memberIds: [2] }), state({ memberIds: [3] }), []))).toBe(false);
  expect(needsOwner(planCompanion(state({ title: 'New' }), state(), []))).toBe(true);
  expect(needsOwner(planCompanion(state({ ownerId: 2 }), state(), []))).toBe(true);
});

test('a chat that was handed over and shall be the bot’s again is not "as wanted"', () => {
  const plan = planCompanion(state(), state({ ownerId: 2 }), []);
  expect(plan).toMatchObject({ takesBack: true, handOverTo: undefined });
  expect(isEmpty(plan)).toBe(false);
});

test('with the owner policy `bot` the owner is a manager, and the chat stays with the bot', () => {
  const wish = { ownerUserId: 2, managerUserIds: [3], memberUserIds: [4] };
  expect(rolesOf('bot', wish)).toEqual({ ownerId: null, managerIds: [3, 2], memberIds: [4, 3, 2] });
  expect(rolesOf('handover', wish)).toEqual({ ownerId: 2, managerIds: [3], memberIds: [4, 3, 2] });
});
