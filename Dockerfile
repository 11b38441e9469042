# One image for operator and rack. Build what is made from Debian's packages first; each script prints its folder:
#
#     docker build -t steelyard \
#       --build-context agent="$(images/agent/build.sh)" \
#       --build-context bootfiles="$(images/bootfiles/build.sh)" .
#
# There is no build step for our own code: Node runs src/ as it is.
FROM node:24-slim AS dependencies
WORKDIR /opt/steelyard
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /opt/steelyard
COPY --from=dependencies /opt/steelyard/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
COPY --from=bootfiles . /usr/share/steelyard/boot
COPY --from=agent vmlinuz initrd.img /usr/share/steelyard/agent/amd64/
USER 65532:65532
# The rack: ["node", "src/bin/rack.ts"]
CMD ["node", "src/bin/operator.ts"]
