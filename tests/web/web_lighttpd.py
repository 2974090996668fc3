#!/usr/bin/env python3
"""The list of web_rows.py, by conf/lighttpd.conf."""
import os
import sys
sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from web_rows import main

sys.exit(main("lighttpd"))
