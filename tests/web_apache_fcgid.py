#!/usr/bin/env python3
"""The list of web_rows.py, by conf/apache-fcgid.conf."""
import sys
sys.dont_write_bytecode = True

from web_rows import main

sys.exit(main("apache-fcgid"))
