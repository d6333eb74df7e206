#!/bin/sh
# Deploys the stack $STACK for the store that `make e2e` has started on this machine; run by it, in the clone.
# Its schedules rest, or their runs would come between those of the test.
set -eu
make build
.tools/sam/bin/sam deploy --stack-name "$STACK" --parameter-overrides \
  "AllowedHosts=$ALLOWED_HOSTS" "StoreCaBundle=\"$STORE_CA_BUNDLE\"" \
  ExportEnabled=false 'CheckSchedule="rate(1 hour)"' WebhooksEnabled=true WebhookScopes=store/order/created
