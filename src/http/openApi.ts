import express from 'express';

/** `/openapi.json` and its page `/docs`; mounted at `/`. */
export function createDocsRouter(): express.Router {
  return express.Router();
}
