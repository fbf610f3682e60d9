<?php
echo "a" . $undefined . "b\n";
