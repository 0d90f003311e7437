import express from 'express';
import { upload } from '../openlines/uploads.ts';
import { toText } from '../php/values.ts';
import { control, type ControlRoutes } from './context.ts';

/** What somebody of the staff attaches: the bytes as body, name and type beside them. Answers what a message may name. */
export const fileRoutes: ControlRoutes = (router, { portal }) => {
  router.post(
    '/files',
    express.raw({ type: () => true, limit: '16mb' }),
    control(({ raw, query }) => {
      const file = { name: toText(query.name) || 'file', mime: toText(query.mime) || 'application/octet-stream' };
      const { path, ...uploaded } = upload(portal().inside, { ...file, body: raw });
      return { ...uploaded, url: portal().url + path };
    }),
  );
};
