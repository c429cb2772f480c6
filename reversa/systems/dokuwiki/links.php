<?php
/** Prints, for each page named on its input, the pages and media that DokuWiki itself finds in it, and whether they are there. */

define('DOKU_INC', rtrim($argv[1], '/') . '/');
define('NOSESSION', 1);
$_SERVER += ['HTTP_HOST' => 'reversa', 'SERVER_PORT' => '80', 'REMOTE_ADDR' => '127.0.0.1'];
require_once DOKU_INC . 'inc/init.php';
$conf['cachedir'] = $argv[2]; // nothing is written to the wiki

while (($line = fgets(STDIN)) !== false) {
    $page = json_decode($line, true);
    $said = p_render_metadata($page, ['current' => [], 'persistent' => []]);
    foreach (['page' => 'references', 'file' => 'media'] as $kind => $what) {
        foreach ($said['current']['relation'][$what] ?? [] as $id => $there) {
            $told = [$page, $kind, (string) $id, (bool) $there];
            echo json_encode($told, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
        }
    }
}
