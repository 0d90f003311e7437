import type { Command } from 'commander';
import type { Api } from './api.ts';
import type { Output } from './output.ts';

/** What every command works with, made of the settings when it runs. */
export interface Context {
  api: Api;
  out: Output;
}

/** 0: all is well · 1: something is wrong, and was shown · 2: the command could not be done. */
export type ExitCode = 0 | 1;

/** Adds commands to the program; `run` gives an action its context. */
export type AddCommands = (
  program: Command,
  run: <Args extends unknown[]>(
    action: (context: Context, ...args: Args) => Promise<ExitCode>,
  ) => (...args: Args) => Promise<void>,
) => void;
