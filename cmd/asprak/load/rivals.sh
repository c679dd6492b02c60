#!/bin/bash
# rivals.sh RIVALS  -- Asprak beside the rival implementations, in one run on one machine.
# RIVALS holds load/ (the driver) and peers/ (the rivals); peers/env.sh says what they need.
# OUT (default bin/rivals.jsonl) takes the figures; KHS_CALM (default 0s) waits for a quiet machine first.
# Every document that Asprak is sent has bytes of its own, so that no reading is reused, but
# for the runs named asprak-repeated: there the same few files come again and again, as the
# rivals get them, and Asprak reads each of them once.
set -eu
RIVALS=$(cd "$1" && pwd); here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../../.." && pwd)
. "$RIVALS/peers/env.sh"
out=$(realpath -m "${OUT:-$root/bin/rivals.jsonl}"); mkdir -p "$KHS_RUN" "$(dirname "$out")"; rm -f "$out"
(cd "$RIVALS/load" && go build -o "$KHS_RUN/khsload" .)
[ -d "$KHS_RUN/docs/load" ] || $PY "$RIVALS/peers/mkdocs.py" "$KHS_RUN/docs"
docs=$KHS_RUN/docs; rm -rf "$docs"/{digital,scan,mixed,own}; mkdir -p "$docs"/{digital,scan,mixed,own}/
cp "$docs"/load/khs-digital-*.pdf "$docs/digital"; cp "$docs"/load/khs-scan* "$docs/scan"; cp "$docs"/load/* "$docs/mixed"

data=$(mktemp -d); asprak=$root/bin/asprak
"$asprak" serve --data "$data" --listen 127.0.0.1:18080 >"$data/out" 2>"$data/err" & server=$!
running=
trap 'kill $server 2>/dev/null || true; [ -z "$running" ] || "$RIVALS/peers/peer.sh" stop "$running"; "$RIVALS/peers/pg.sh" stop 2>/dev/null || true; rm -rf "$data"' EXIT
until curl -fs -o /dev/null http://127.0.0.1:18080/readyz; do sleep 0.1; done
token() { "$asprak" token --data "$data" --role "$1" --subject "$2"; }
for group in digital scan mixed repeated; do
  mkdir -p "$docs/own/$group"; files=("$docs/${group/repeated/scan}"/*)
  for i in $(seq 120); do
    from=${files[$((i % ${#files[@]}))]}; to=$docs/own/$group/$i-$(basename "$from")
    cp "$from" "$to"; [ "$group" = repeated ] || printf '\n%% %s %s\n' "$group" "$i" >>"$to"
    printf '{"token": "%s"}' "$(token applicant "$group-$i")" >"$to.json"
  done
done
"$here/students.py" "$data/token.key" "$docs/own/students" 60000
ASPRAK_ADMIN=$(token admin bench); export ASPRAK_ADMIN
publish() {
  curl -fs http://127.0.0.1:18080/v1/openings -H "Authorization: Bearer $ASPRAK_ADMIN" -H 'Content-Type: application/json' -d '{
    "title": "Praktikum", "department": "Informatika", "term": "2026/2027-1", "seats": 20, "opens_at": "2020-01-01T00:00:00Z", "closes_at": "2099-01-01T00:00:00Z",
    "requirement": {"course": {"codes": ["INF124207"], "name": "Rekayasa Perangkat Lunak"}, "min_grade": "B", "min_ipk": 2.75}}' | cut -d'"' -f4
}
ours() { # name of the figures, folder of documents, runs
  ASPRAK_OPENING=$(publish); export ASPRAK_OPENING
  "$KHS_RUN/khsload" -scenario "$here/asprak.json" -base http://127.0.0.1:18080 -docs "$docs/own/$2" -only "$3" -name "$1" -calm "${KHS_CALM:-0s}" -watch server=$server -out "$out"
}
for run in seed seed 'insert c1' 'insert c64'; do ours asprak students "^$run\$"; done
ours asprak mixed '^get c16$'
ours asprak mixed '^list c16$'
ours asprak-digital digital '^document u4$'
ours asprak-scan scan '^document u4$'
ours asprak-repeated repeated '^document u4$'
ours asprak mixed '^document u50$'
kill $server; wait $server || true

"$RIVALS/peers/pg.sh" start
for name in ${KHS_PEERS:-fastapi flask django}; do
  "$RIVALS/peers/pg.sh" reseed
  running=$name; "$RIVALS/peers/peer.sh" start "$name"
  theirs() {
    "$KHS_RUN/khsload" -scenario "$RIVALS/load/scenarios/peer-$name.json" -docs "$docs/$2" -only "$3" -name "$1" -calm "${KHS_CALM:-0s}" -watch server="$("$RIVALS/peers/peer.sh" pid "$name")" -out "$out"
  }
  theirs "$name" mixed '^(insert c64|get c16|list c16)$'
  theirs "$name-digital" digital '^document u4$'
  theirs "$name-scan" scan '^document u4$'
  theirs "$name" mixed '^document u50$'
  "$RIVALS/peers/peer.sh" stop "$name"; running=
done
"$KHS_RUN/khsload" summary -baseline asprak "$out"
