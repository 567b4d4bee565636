FROM node:24-alpine AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The runtime is the image's own; the pinned one is for clones.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY plugins plugins
COPY routes routes
COPY simulator simulator
COPY dashboard dashboard
COPY config config
COPY scripts/bundle.ts scripts/
RUN node_modules/.bin/tsc -p tsconfig.build.json --declaration false && node scripts/bundle.ts && node_modules/.bin/vite build dashboard && npm prune --omit=dev --ignore-scripts

FROM node:24-alpine
WORKDIR /app
ENV NODE_ENV=production OLLA_SERVER_HOST=0.0.0.0
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/dashboard/dist dashboard/dist
COPY package.json LICENSE ./
COPY bin bin
COPY config/profiles config/profiles
COPY config/models.yaml config/openapi.json config/schema.json config/
# Last in the search, so that any file that is mounted into /app or /app/config comes first.
COPY config/container.yaml default.yaml
# Compose files made for Olla have a health check with curl; wget is there already.
RUN apk add --no-cache curl
USER node
EXPOSE 40114
HEALTHCHECK --interval=30s --timeout=10s --start-period=5s --retries=3 \
  CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:40114/internal/health"]
# Node is process 1 here and gets the stop signal itself.
ENTRYPOINT ["node", "bin/olla-gateway.js"]
