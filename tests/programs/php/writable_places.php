<?php
foreach (["/tmp/x", "/work/x", "/dev/shm/x"] as $path) {
    file_put_contents($path, "written");
}
echo file_get_contents("/tmp/x"), "\n";
var_dump(@file_put_contents("/etc/x", "never"));
