#!/bin/sh
# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes in the directory $1: an authority, a certificate for the servers and one for clients from it, and the certificate
# of an authority that has signed nothing.
set -eu
mkdir -p "$1"
cd "$1"
for name in ca other; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" -keyout $name.key -out $name.pem
done
for name in server client; do
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name.global.nomad" -keyout $name.key -out $name.csr
  printf 'subjectAltName=DNS:%s.global.nomad\nauthorityKeyIdentifier=keyid\n' $name >$name.ext
  openssl x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial -extfile $name.ext -in $name.csr -out $name.pem
done
rm -f ca.key other.key ./*.csr ./*.ext ./*.srl
