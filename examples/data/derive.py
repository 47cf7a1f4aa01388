#!/usr/bin/env python3
"""Derives nino-1-2.csv from the table that statsmodels ships: one line a month, values untouched.

    pip download --no-deps statsmodels==0.15.0
    python3 derive.py statsmodels-0.15.0-*.whl > nino-1-2.csv
"""
import csv
import hashlib
import io
import sys
import zipfile

MEMBER = "statsmodels/datasets/elnino/elnino.csv"
SHA256 = "b647be00e0fd264be9764e317e6b963f35030014ecca2b21b204521716e463ad"

with zipfile.ZipFile(sys.argv[1]) as wheel:
    octets = wheel.read(MEMBER)
if hashlib.sha256(octets).hexdigest() != SHA256:
    sys.exit(f"{MEMBER} is not the file that the published series was derived from")

print("month,celsius")
for year, *months in list(csv.reader(io.StringIO(octets.decode())))[1:]:
    for month, celsius in enumerate(months, start=1):
        print(f"{year}-{month:02},{float(celsius):.2f}")
