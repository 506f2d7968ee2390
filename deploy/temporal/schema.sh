#!/bin/sh
# Brings both of Temporal's databases to the schema of this image; running it again changes nothing.
set -eu

apply() {
  database=$1
  versions=$2
  tool="temporal-sql-tool --plugin $DB --ep $POSTGRES_SEEDS --port $DB_PORT --user $POSTGRES_USER --db $database"
  $tool create
  $tool setup-schema --version 0.0
  $tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$versions/versioned"
}

apply temporal temporal
apply temporal_visibility visibility
