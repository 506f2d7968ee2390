#!/bin/sh
# Creates the namespace, or corrects one that exists: how long histories are kept, what runs can be searched by.
set -eu

until temporal operator cluster health; do
  echo "waiting for Temporal at $TEMPORAL_ADDRESS"
  sleep 2
done

if temporal operator namespace describe --namespace "$NAMESPACE" > /dev/null 2>&1; then
  temporal operator namespace update --namespace "$NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION"
fi

# The server accepts a name it knows already with the same type.
until temporal operator search-attribute create --namespace "$NAMESPACE" \
  --name FtWorkflow --type Keyword --name FtRecord --type Keyword --name FtObject --type Keyword \
  --name FtOpportunity --type Keyword --name FtVersion --type Int; do
  echo "waiting for namespace $NAMESPACE to be known everywhere"
  sleep 2
done
