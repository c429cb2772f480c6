<?php
/**
 * Runs inside a wiki, as one of its maintenance scripts: a question per line on its input, an answer per line on its output.
 *
 * All that reversa writes lies in the table reversa_map beside the wiki's own: source, kind and id -> what it became here.
 * A unit and its lines in that table are one transaction.
 */

use MediaWiki\MediaWikiServices;

require_once getenv('MW_INSTALL_PATH') . '/maintenance/Maintenance.php';
require_once __DIR__ . '/writing.php';
require_once __DIR__ . '/chat.php';
require_once __DIR__ . '/links.php';
require_once __DIR__ . '/undoing.php';

class Reversa extends Maintenance
{
    use ReversaWriting;
    use ReversaConversations;
    use ReversaLinks;
    use ReversaUndoing;

    private const SYSTEM = ['MediaWiki default', 'Maintenance script', 'Redirect fixer', 'Script de conversion', 'MediaWiki message delivery'];
    private const BITS = ['text' => 1, 'comment' => 2, 'contributor' => 4]; // RevisionRecord::DELETED_…
    private $services;
    private $db;
    private string $source = '';
    /** @var array<string, int> those of pages that were removed */
    private array $categories = [];
    /** @var array<int, array<string, mixed>> what the acts of a unit have to know of each other */
    private array $pages = [];

    public function execute()
    {
        $this->services = MediaWikiServices::getInstance();
        $this->db = $this->services->getDBLoadBalancer()->getConnection(DB_PRIMARY);
        while (($line = fgets(STDIN)) !== false) {
            try {
                $question = json_decode($line, true, 64, JSON_THROW_ON_ERROR);
                $this->source = $question['source'] ?? $this->source;
                $answer = ['ok' => $this->{'ask' . ucfirst($question['ask'])}($question)];
            } catch (Throwable $error) {
                $answer = ['error' => get_class($error) . ': ' . $error->getMessage() . ' (' . basename($error->getFile()) . ':' . $error->getLine() . ')'];
            }
            fwrite(STDOUT, "\x1e" . json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
            fflush(STDOUT);
        }
    }

    // ------------------------------------------------------------------------------------------------- what there is

    private function askHello(): array
    {
        $config = $this->services->getMainConfig();
        $info = $this->services->getNamespaceInfo();
        $language = $this->services->getContentLanguage();
        $spaces = [];
        foreach ($language->getFormattedNamespaces() as $key => $name) {
            $spaces[(string) $key] = ['name' => $name, 'case' => $info->isCapitalized($key) ? 'first-letter' : 'case-sensitive'];
        }
        $prohibited = $config->has('ProhibitedFileExtensions') ? $config->get('ProhibitedFileExtensions') : [];
        return [
            'name' => $config->get('Sitename'),
            'dbname' => WikiMap::getCurrentWikiId(),
            'base' => Title::newMainPage()->getCanonicalURL(),
            'generator' => 'MediaWiki ' . MW_VERSION,
            'case' => $info->isCapitalized(NS_MAIN) ? 'first-letter' : 'case-sensitive',
            'namespaces' => $spaces,
            'names' => array_map('strval', $language->getNamespaceIds()),
            'models' => $this->services->getContentHandlerFactory()->getContentModels(),
            'redirects' => $this->services->getMagicWordFactory()->get('redirect')->getSynonyms(),
            'groups' => array_values(array_diff($this->services->getUserGroupManager()->listAllGroups(), ['*', 'user', 'autoconfirmed'])),
            'ruling' => $this->ruling(),
            'protections' => $this->services->getRestrictionStore()->listAllRestrictionTypes(),
            'levels' => array_values(array_filter($config->get('RestrictionLevels'))),
            'prohibited' => $prohibited,
            'interwikis' => array_column($this->services->getInterwikiLookup()->getAllPrefixes(), 'iw_prefix'),
            'script' => $config->get('CanonicalServer') . $config->get('Script'),
            'maximum' => $config->get('MaxArticleSize') * 1024,
            'live' => $this->live(),
        ];
    }

    private function ruling(): array
    {
        $powers = ['userrights', 'editinterface', 'editsitejs', 'edituserjs', 'delete', 'block', 'protect', 'import', 'importupload', 'suppressrevision'];
        $rights = $this->services->getGroupPermissionsLookup();
        $groups = $this->services->getUserGroupManager()->listAllGroups();
        return array_values(array_filter($groups, fn ($group) => array_intersect($powers, $rights->getGroupPermissions([$group]))));
    }

    /** Whether there is anything that neither the installer nor reversa made. */
    private function live(): bool
    {
        $ours = ['page' => [], 'user' => []];
        $last = 0;
        if ($this->mapped()) {
            foreach ($this->db->select('reversa_map', ['rm_kind', 'rm_target'], ['rm_made > 0'], __METHOD__) as $row) {
                [$kind, $id] = explode('/', $row->rm_target . '/');
                $ours[$kind][$id] = $row->rm_kind;
                $last = $kind === 'revision' ? max($last, (int) $id) : $last;
            }
            unset($ours['revision']);
        }
        $fields = ['rev_page', 'actor_name', 'newest' => 'MAX(rev_id)'];
        $revisions = $this->db->select(['revision', 'actor'], $fields, [], __METHOD__, ['GROUP BY' => 'rev_page, actor_name'], ['actor' => ['JOIN', 'actor_id = rev_actor']]);
        foreach ($revisions as $row) {
            $kind = $ours['page'][$row->rev_page] ?? null;
            if (!in_array($row->actor_name, self::SYSTEM, true) && ($kind === null || ($kind === 'page' && $row->newest > $last))) {
                return true;
            }
        }
        foreach ($this->db->select('user', ['user_id', 'user_name'], [], __METHOD__) as $row) {
            $made = $row->user_id == 1 || in_array($row->user_name, self::SYSTEM, true) || isset($ours['user'][$row->user_id]);
            if (!$made) {
                return true;
            }
        }
        return false;
    }

    /** The titles of others; what only the installer wrote gives way. */
    private function askTaken(): array
    {
        $ours = [];
        $names = [];
        foreach ($this->rows() as $row) {
            $names["$row->rm_kind:$row->rm_id"] = $row->rm_name;
            $ours[$row->rm_target] = (bool) $row->rm_made;
        }
        $taken = [];
        $pages = $this->db->select('page', ['page_id', 'page_namespace', 'page_title'], [], __METHOD__);
        foreach ($pages as $row) {
            if (!isset($ours["page/$row->page_id"]) && !$this->byInstaller((int) $row->page_id)) {
                $taken[] = Title::newFromRow($row)->getPrefixedText();
            }
        }
        foreach ($this->db->select('image', 'img_name', [], __METHOD__) as $row) {
            if (!isset($ours["file/$row->img_name"])) {
                $taken[] = Title::makeTitle(NS_FILE, $row->img_name)->getPrefixedText();
            }
        }
        $accounts = [];
        $people = [];
        foreach ($this->db->select('user', ['user_id', 'user_name'], [], __METHOD__) as $row) {
            $people[(string) $row->user_id] = $row->user_name;
            if (!($ours["user/$row->user_id"] ?? false)) {
                $accounts[] = $row->user_name;
            }
        }
        return ['names' => $names ?: (object) [], 'titles' => $taken, 'accounts' => $accounts, 'people' => $people ?: (object) [], 'system' => self::SYSTEM];
    }

    private function byInstaller(int $page): bool
    {
        $actors = $this->db->selectFieldValues(['revision', 'actor'], 'actor_name', ['rev_page' => $page], __METHOD__, [], ['actor' => ['JOIN', 'actor_id = rev_actor']]);
        return $actors === ['MediaWiki default'] && !($this->mapped() && $this->db->selectField('reversa_map', '1', ['rm_target' => "page/$page"], __METHOD__));
    }

    private function askUsers(): array
    {
        $groups = [];
        foreach ($this->db->select('user_groups', ['ug_user', 'ug_group', 'ug_expiry'], [], __METHOD__) as $row) {
            $groups[$row->ug_user][] = [$row->ug_group, $this->iso($row->ug_expiry)];
        }
        $users = [];
        foreach ($this->db->select('user', ['user_id', 'user_name', 'user_real_name', 'user_email', 'user_registration'], [], __METHOD__, ['ORDER BY' => 'user_id']) as $row) {
            $users[] = [
                'id' => (string) $row->user_id, 'name' => $row->user_name, 'real' => $row->user_real_name, 'email' => $row->user_email,
                'created' => $this->iso($row->user_registration), 'groups' => $groups[$row->user_id] ?? [],
            ];
        }
        return $users;
    }

    private function askProtections(): array
    {
        $rows = [];
        foreach ($this->db->select('page_restrictions', ['pr_page', 'pr_type', 'pr_level', 'pr_expiry'], [], __METHOD__, ['ORDER BY' => 'pr_page, pr_type']) as $row) {
            $rows[] = [(string) $row->pr_page, $row->pr_type, $row->pr_level, $this->iso($row->pr_expiry)];
        }
        return $rows;
    }

    /** The current revision of each page. */
    private function askLatest()
    {
        $latest = [];
        foreach ($this->db->select('page', ['page_id', 'page_latest'], [], __METHOD__) as $row) {
            $latest[(string) $row->page_id] = (string) $row->page_latest;
        }
        return $latest ?: (object) [];
    }

    /** Rows, counted by the database. */
    private function askCounts(): array
    {
        $count = fn (string $table, array $where = []) => (int) $this->db->selectField($table, 'COUNT(*)', $where, __METHOD__);
        return ['user' => $count('user'), 'membership' => $count('user_groups'), 'grant' => $count('page_restrictions')];
    }

    private function iso(?string $timestamp): ?string
    {
        return $timestamp === null || $timestamp === '' || $timestamp === 'infinity' || $timestamp === $this->db->getInfinity() ? null : wfTimestamp(TS_ISO_8601, $timestamp);
    }

    // ------------------------------------------------------------------------------------------------- the map

    private function mapped(): bool
    {
        return $this->db->tableExists('reversa_map', __METHOD__);
    }

    private function rows(): iterable
    {
        return $this->mapped() ? $this->db->select('reversa_map', '*', ['rm_source' => $this->source], __METHOD__) : [];
    }

    private function key(string $kind, string $id): string
    {
        return hash('sha256', "$this->source\0$kind\0$id");
    }

    private function learn(array $act, string $target, string $name = '', bool $made = true): string
    {
        $this->db->replace('reversa_map', 'rm_key', [
            'rm_key' => $this->key($act['kind'], $act['id']), 'rm_source' => $this->source, 'rm_kind' => $act['kind'], 'rm_id' => $act['id'],
            'rm_target' => $target, 'rm_name' => $name, 'rm_made' => (int) $made, 'rm_root' => $act['root'] ?? '', 'rm_of' => $act['of'] ?? '',
        ], __METHOD__);
        return $target;
    }

    private function known(string $kind, string $id): ?string
    {
        $target = $this->db->selectField('reversa_map', 'rm_target', ['rm_key' => $this->key($kind, $id)], __METHOD__);
        return $target === false ? null : $target;
    }

    private function askMap(): array
    {
        $found = [];
        foreach ($this->rows() as $row) {
            $found[] = [$row->rm_kind, $row->rm_id, $row->rm_target, $row->rm_name, (bool) $row->rm_made, $row->rm_root, $row->rm_of];
        }
        return $found;
    }

    private function askFind(array $question): array
    {
        $found = [];
        foreach ($this->mapped() ? $question['records'] : [] as [$kind, $id]) {
            $target = $this->known($kind, $id);
            if ($target !== null && $this->there($target)) {
                $found[] = [$kind, $id, $target];
            }
        }
        return $found;
    }

    private function there(string $target): bool
    {
        $parts = explode('/', $target, 4);
        $has = fn (string $table, array $where) => (bool) $this->db->selectField($table, '1', $where, __METHOD__);
        switch ($parts[0] . (isset($parts[2]) ? '/' . $parts[2] : '')) {
            case 'page': return $has('page', ['page_id' => $parts[1]]);
            case 'page/category': return $has('page', ['page_id' => $parts[1]]);
            case 'page/redirect': return $has('page', ['page_id' => $parts[1], 'page_is_redirect' => 1]);
            case 'revision': return $has('revision', ['rev_id' => $parts[1]]);
            case 'user': return $has('user', ['user_id' => $parts[1]]);
            case 'actor': return $has('actor', ['actor_name' => substr($target, 6)]);
        }
        switch ($parts[0]) {
            case 'actor': return $has('actor', ['actor_name' => substr($target, 6)]);
            case 'said': return str_contains($this->said((int) $parts[1]) ?? '', "id=\"$parts[2]\"");
            case 'file': return $has('image', ['img_name' => substr($target, 5)]);
            case 'old': return $has('oldimage', ['oi_archive_name' => substr($target, 4)]);
            case 'member': return $has('user_groups', ['ug_user' => $parts[1], 'ug_group' => $parts[2]]);
            case 'protection': return $has('page_restrictions', ['pr_page' => $parts[1], 'pr_type' => $parts[2], 'pr_level' => $parts[3]]);
        }
        return true; // a namespace, a group, the wiki
    }
}

$maintClass = Reversa::class;
require_once RUN_MAINTENANCE_IF_MAIN;
