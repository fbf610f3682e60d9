<?php
fwrite(STDERR, "oops\n");
exit(3);
