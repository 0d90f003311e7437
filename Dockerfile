# Built in two steps; the second one holds what runs and nothing else: some 200 MB, 160 of them Node.js itself.
# Nothing in it is compiled for one C library, so the smaller base does.
FROM node:24-alpine AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts/prisma.mjs scripts/schema-engine.mjs scripts/copy-console.mjs scripts/
COPY prisma prisma
COPY prisma.config.ts ./
# The embedded PostgreSQL is for machines without one; a container is given DATABASE_URL.
RUN npm ci --omit=optional --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
# Prisma brings its query compiler for five databases in four forms each (64 MB): one is used. Types and source maps
# are for those who develop.
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts \
  && find node_modules/@prisma/client/runtime -name 'query_compiler_*' \
    ! -name 'query_compiler_fast_bg.postgresql.mjs' ! -name 'query_compiler_fast_bg.postgresql.wasm-base64.mjs' -delete \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM node:24-alpine
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# The command line: docker compose exec gateway node bin/gateway.mjs status
COPY bin bin
COPY prisma/migrations prisma/migrations
# The only place that is written to, and only in sandbox mode: the root file system may be read-only.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
# Takes no more of the answers' time than it must: /health/ready asks the database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=4", "dist/main.js"]
