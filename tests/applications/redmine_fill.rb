# Fills an empty Redmine through its own models, the same way every time; says on the last line what it made.
#
#     rails runner redmine_fill.rb
require 'active_support/testing/time_helpers'
require 'json'
require 'stringio'
extend ActiveSupport::Testing::TimeHelpers

MADE = Hash.new(0) # rows by table
DICE = Random.new(42)
WORDS = %w[pump valve invoice meeting drawing permit budget contract survey north quay sensor pallet élévateur Straße 倉庫].freeze

# The clock stands still between two calls: Redmine writes the time of the database rows and the names of the files from it.
def tick(minutes = 37)
  @clock = (@clock || Time.utc(2023, 3, 6, 8)) + minutes.minutes
  travel_to @clock
end

def made(table, record)
  record.save! if record.new_record? || record.changed?
  MADE[table] += 1
  record
end

def sentence(count) = Array.new(count) { WORDS.sample(random: DICE) }.join(' ')

class Upload < StringIO # what a browser sends
  attr_reader :original_filename, :content_type

  def initialize(name, type, content)
    super(content.dup.force_encoding('BINARY'))
    @original_filename, @content_type = name, type
  end
end

PNG = ['89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082'].pack('H*')
FILES = [
  ['plan.png', 'image/png', PNG],
  ['notes.txt', 'text/plain', "First line\r\nsecond line\r\n"],
  ['Übersicht der Straße – 2023.csv', 'text/csv', "\u{FEFF}name;preis\r\nBär;1,50\r\n"],
  ['倉庫 📦.txt', 'text/plain', "倉庫\n"],
  ['empty.log', 'text/plain', ''],
  ['a "quoted" & <b>name</b>.txt', 'text/plain', "quotes\n"],
  ['same as notes.txt', 'text/plain', "First line\r\nsecond line\r\n"], # Redmine keeps equal content once
  ['measurements.bin', 'application/octet-stream', Random.new(7).bytes(200_000)],
].freeze

def attach(container, author, index, note = nil)
  tick 1
  name, type, content = FILES[index % FILES.size]
  made 'attachments', Attachment.new(file: Upload.new(name, type, content), author: author, container: container, description: note)
end

tick
Redmine::DefaultData::Loader.load('en') # what `rake redmine:load_default_data` does, without another start of Rails
ActionMailer::Base.perform_deliveries = false
Setting.notified_events = []
Setting.default_language = 'en'
Setting.rest_api_enabled = '1'
Setting.cross_project_issue_relations = '1'

# ------------------------------------------------------------------------------------------------ people

PEOPLE = [
  %w[ada Ada Lovelace], %w[bjarne Bjarne Sørensen], %w[chloe Chloé Lefèvre], %w[dmitri Дмитрий Иванов], %w[emeka Emeka Okafor],
  %w[fatima فاطمة الزهراء], %w[gunther Günther Weiß], %w[hanako 花子 山田], %w[ines Inês Conceição], %w[jose José Núñez], %w[kim Kim O'Neill],
  %w[liam Liam <b>Bold</b>], %w[mona Mona Locked], %w[nils Nils Waiting], %w[olga Olga Leaving],
].freeze
users = PEOPLE.each_with_index.to_h do |(login, first, last), index|
  tick
  user = User.new(firstname: first, lastname: last, mail: "#{login}@example.com", language: %w[en fr de][index % 3], admin: login == 'ada')
  user.login = login
  user.password = user.password_confirmation = "secret of #{login}"
  made 'users', user
  MADE['email_addresses'] += 1
  [login, user]
end
made 'email_addresses', EmailAddress.new(user: users['chloe'], address: 'chloe.private@example.org', notify: false)
users['mona'].lock!
users['nils'].register!
groups = ['Field team', 'Büro'].map { |name| made 'users', Group.new(lastname: name) }
groups[0].users << users.values_at('bjarne', 'chloe', 'emeka', 'mona')
groups[1].users << users.values_at('gunther', 'ines')
MADE['groups_users'] = 6
users['chloe'].pref.update!(time_zone: 'Paris', hide_mail: true)
active = users.values_at(*%w[ada bjarne chloe dmitri emeka fatima gunther hanako ines jose kim liam])

# ------------------------------------------------------------------------------------------------ fields, projects

trackers = Tracker.sorted.to_a
roles = Role.givable.to_a # Manager, Developer, Reporter
statuses = IssueStatus.sorted.to_a
closed = statuses.find(&:is_closed?)
made 'enumerations', IssuePriority.new(name: 'Whenever', active: false)
made 'enumerations', TimeEntryActivity.new(name: 'Travel')
made 'roles', Role.new(name: 'Reader of private notes', permissions: %i[view_issues view_private_notes view_wiki_pages])

def field(type, name, format, **more) = made('custom_fields', type.new(name: name, field_format: format, **more))

of_issues = { is_for_all: true, trackers: trackers }
fields = {
  supplier: field(IssueCustomField, 'Supplier', 'string', **of_issues, searchable: true),
  site: field(IssueCustomField, 'Site', 'list', **of_issues, possible_values: ['North', 'Süd', 'Quay 4; dock "B"'], is_filter: true),
  risks: field(IssueCustomField, 'Risks', 'list', **of_issues, possible_values: %w[fire flood noise], multiple: true),
  price: field(IssueCustomField, 'Price', 'float', **of_issues),
  inspected: field(IssueCustomField, 'Inspected on', 'date', **of_issues),
  safe: field(IssueCustomField, 'Safe', 'bool', **of_issues),
  inspector: field(IssueCustomField, 'Inspector', 'user', **of_issues),
  remarks: field(IssueCustomField, 'Remarks', 'text', **of_issues, text_formatting: 'full'),
  secret: field(IssueCustomField, 'Internal number', 'int', **of_issues, visible: false, roles: [roles[0]]),
  budget: field(ProjectCustomField, 'Cost centre', 'string'),
  badge: field(UserCustomField, 'Badge', 'int'),
  billable: field(TimeEntryCustomField, 'Billable', 'bool'),
}
users['ada'].reload.update!(custom_field_values: { fields[:badge].id.to_s => '0042' })

MODULES = %w[issue_tracking time_tracking news documents files wiki boards calendar gantt].freeze
projects = [['Harbour', 'harbour', true, nil], ['Cranes', 'cranes', true, 0], ['Board papers', 'board-papers', false, nil]].map do |name, id, open, parent|
  tick
  project = Project.new(name: name, identifier: id, is_public: open, description: "h2. #{name}\n\nAbout *#{name}* & its <people>.", homepage: 'https://example.com/')
  project.enabled_module_names = MODULES
  project.trackers = trackers
  project.custom_field_values = { fields[:budget].id.to_s => "CC-#{id}" }
  [made('projects', project), parent]
end
projects.each { |project, parent| project.set_parent!(projects[parent][0]) if parent }
projects = projects.map { |project, _| project.reload }
harbour, cranes, papers = projects

def member(project, principal, *roles) = made('members', Member.new(project: project, principal: principal, roles: roles))

member harbour, users['ada'], roles[0]
member harbour, users['dmitri'], roles[1], roles[2]
member harbour, users['jose'], roles[2]
member harbour, groups[0], roles[1]
MADE['members'] += 4 # Redmine makes each of the group a member
member cranes, users['hanako'], roles[0]
member cranes, users['kim'], roles[2]
member papers, users['ada'], roles[0]
member papers, users['fatima'], roles[0]

versions = projects.flat_map do |project|
  [['1.0', 'closed'], ['1.1', 'open'], ['2.0 – später', 'locked']].map.with_index do |(name, status), index|
    tick
    made 'versions', Version.new(project: project, name: name, status: status, description: sentence(4), effective_date: Date.new(2023, 4 + index, 28))
  end
end
categories = projects.flat_map do |project|
  ['Hydraulics', 'Élec & réseau'].map { |name| made 'issue_categories', IssueCategory.new(project: project, name: name, assigned_to: project.users.sorted.first) }
end

# ------------------------------------------------------------------------------------------------ issues

TEXTS = [ # the first four are never empty: pages and messages need a text
  "h3. Steps\n\n# open the *valve*\n# read the @gauge@\n\n|_. bar |_. l/s |\n| 2 | 14 |",
  "Line\r\nanother line  \r\n\r\n<pre><code class=\"ruby\">puts \"<b>\"</code></pre>",
  "<script>alert('no')</script> & \"quotes\" ~%_\\ ' ",
  "مرحبا بالعالم — שלום — 👩‍🔧 e\u0301 vs é",
  '',
  "See #1, #2 and [[Start]], attachment:\"notes.txt\", user:ada, https://example.com/?a=1&b=2",
  "Long: " + ('lorem ipsum ' * 800),
].freeze
issues = []
60.times do |index|
  tick 173
  project = projects[index % 7 == 6 ? 2 : index % 2]
  author = { 17 => users['olga'], 18 => User.anonymous }[index % 19] || active[index % active.size]
  User.current = author
  parent = issues.find { |other| other.project == project && other.parent_id.nil? } if index % 5 == 4
  parent = issues.reverse.find { |other| other.project == project && other.parent_id } || parent if index % 10 == 9 # three levels
  issue = Issue.new(
    project: project, tracker: trackers[index % trackers.size], author: author, subject: "#{sentence(3).capitalize} #{index + 1}", description: TEXTS[index % TEXTS.size],
    priority: IssuePriority.active.sorted[index % 5], status: statuses[0], is_private: index % 13 == 12, parent_issue_id: parent&.id,
    assigned_to: index % 3 == 0 ? nil : project.assignable_users.to_a.min_by(&:id), category: index % 4 == 0 ? categories.find { |one| one.project == project } : nil,
    fixed_version: index % 3 == 1 ? versions.find { |one| one.project == project && one.open? } : nil,
    start_date: Date.new(2023, 3, 6) + index, due_date: index % 4 == 1 ? Date.new(2023, 6, 1) + index : nil, estimated_hours: index % 4 == 2 ? 1.25 * index : nil,
  )
  issue.custom_field_values = {
    fields[:supplier].id.to_s => index.even? ? "Müller & Söhne #{index}" : '', fields[:site].id.to_s => fields[:site].possible_values[index % 3],
    fields[:risks].id.to_s => %w[fire flood noise].first(index % 4), fields[:price].id.to_s => index % 5 == 0 ? (index * 1.1).round(2).to_s : '',
    fields[:inspected].id.to_s => index % 6 == 0 ? '2023-05-17' : '', fields[:safe].id.to_s => %w[1 0][index % 2],
    fields[:inspector].id.to_s => index % 8 == 0 ? project.users.sorted.first.id.to_s : '', fields[:remarks].id.to_s => index % 9 == 0 ? TEXTS[3] : '',
    fields[:secret].id.to_s => index % 10 == 0 ? index.to_s : '',
  }
  issues << made('issues', issue)
end

def change(issue, author, note, hidden: false, **values)
  tick 11
  User.current = author
  issue.reload
  journal = issue.init_journal(author, note)
  journal.private_notes = hidden
  issue.assign_attributes(values)
  yield issue if block_given?
  issue.save!
end

issues.each_with_index do |issue, index|
  author = active[(index + 3) % active.size]
  change(issue, author, TEXTS[(index + 2) % 3], status: statuses[1], subject: "#{issue.subject} (seen)") if index % 2 == 0
  change(issue, author, "Only for us: #{sentence(5)}", hidden: true) if index % 6 == 1
  change(issue, author, '', done_ratio: 40, description: "#{issue.description}\n\nMore.") if index % 3 == 0 && issue.reload.leaf?
  change(issue, active[index % active.size], 'Bought it.') { |one| one.custom_field_values = { fields[:supplier].id.to_s => 'Ørsted A/S', fields[:risks].id.to_s => %w[flood] } } if index % 8 == 5
  next unless index % 7 == 3

  tick 5
  User.current = author
  issue.reload.init_journal(author, 'With a file') # the file is a detail of the journal
  issue.save_attachments([{ 'file' => Upload.new(*FILES[index % FILES.size]) }])
  issue.save!
  MADE['attachments'] += 1
end
issues.reverse.each { |issue| change(issue, users['ada'], 'Done.', status: closed) if issue.id % 11 == 0 && issue.reload.leaf? }

def relate(type, one, other, **more)
  User.current = User.find_by(login: 'ada')
  made 'issue_relations', IssueRelation.new(issue_from: one.reload, issue_to: other.reload, relation_type: type, **more)
end
tops = issues.select { |issue| issue.reload.root? && issue.leaf? }
%w[relates blocks duplicates copied_to].each_with_index { |type, index| relate(type, tops[index], tops[index + 4]) }
relate 'precedes', tops[9], tops[10], delay: 3
issues.first(20).zip(active.cycle) { |issue, user| issue.add_watcher(user) unless issue.watched_by?(user) || !issue.visible?(user) } # Redmine has made some

issues.each_with_index do |issue, index|
  next unless index % 2 == 0

  tick 9
  author = User.current = issue.project.users.sorted.first
  entry = TimeEntry.new(project: issue.project, issue: issue, author: author, user: author, hours: [0.25, 1.5, 7.33, 24][index % 4], spent_on: Date.new(2023, 6, 1) + index,
                        activity: TimeEntryActivity.shared.active.sorted[index % 3], comments: index % 4 == 0 ? '' : sentence(3))
  entry.custom_field_values = { fields[:billable].id.to_s => (index % 4 == 0 ? '1' : '0') }
  made 'time_entries', entry
end
made 'time_entries', TimeEntry.new(project: harbour, author: users['ada'], user: users['dmitri'], hours: 2, spent_on: Date.new(2023, 7, 1), activity: TimeEntryActivity.shared.active.sorted.last)

# ------------------------------------------------------------------------------------------------ wiki

def page(wiki, title, texts, authors, parent: nil)
  content = nil
  one = WikiPage.new(wiki: wiki, title: title, parent: parent)
  texts.each_with_index do |text, index|
    tick 21
    content ||= WikiContent.new(page: one)
    content.text, content.author, content.comments = text, authors[index % authors.size], index.zero? ? '' : "change #{index}"
    index.zero? ? one.save_with_content(content) || raise(one.errors.full_messages.join) : content.save!
    MADE['wiki_content_versions'] += 1
  end
  MADE['wiki_pages'] += 1
  one.reload
end

projects.each_with_index do |project, number|
  wiki = project.wiki || Wiki.create!(project: project, start_page: 'Wiki')
  Setting.wiki_compression = number == 1 ? 'gzip' : '' # old texts of one project are compressed
  start = page(wiki, 'Wiki', ["h1. #{project.name}\n\n{{child_pages}}", "h1. #{project.name}\n\nBetter. [[Rules|the rules]]\n\n{{child_pages}}", TEXTS[3]], active)
  rules = page(wiki, 'Rules', Array.new(4) { |index| "h1. Rules\n\n#{TEXTS[index]}" }, active.rotate(3), parent: start)
  page(wiki, 'Règles_de_sécurité', ['Voir [[Rules]] et !plan.png!', 'Voir ailleurs.  '], active.rotate(5), parent: rules)
  page(wiki, 'Old_name', ['This page was called otherwise.'], active.rotate(1), parent: start).then do |old|
    old.redirect_existing_links = '1'
    old.title = 'New name'
    old.save!
    MADE['wiki_redirects'] += 1
  end
  start.reload.update!(protected: true)
  2.times { |index| attach(start, active[index], number * 3 + index, index.zero? ? 'The plan' : nil) }
end
Setting.wiki_compression = ''

# ------------------------------------------------------------------------------------------------ boards, news, documents

projects.each_with_index do |project, number|
  boards = ['Talk', 'Ankündigungen'].map { |name| made 'boards', Board.new(project: project, name: name, description: sentence(5)) }
  boards << made('boards', Board.new(project: project, name: 'Sub-board', description: 'below', parent: boards[0]))
  boards.each_with_index do |board, index|
    tick
    topic = made 'messages', Message.new(board: board, author: active[number + index], subject: "Topic #{number}.#{index} #{sentence(2)}", content: TEXTS[(number + index) % 4], sticky: index, locked: false)
    (2 + index).times do |reply|
      tick 3
      made 'messages', Message.new(board: board, parent: topic, author: active[(reply + 5) % active.size], subject: "RE: #{topic.subject}", content: "bq. #{TEXTS[0].lines.first}\n\n#{sentence(6)}")
    end
    attach(topic, topic.author, number + index) if index == 1
    topic.reload.update!(locked: true) if index == 2
  end
  2.times do |index|
    tick
    news = made 'news', News.new(project: project, author: active[index], title: "News #{number}.#{index} of #{project.name}", summary: index.zero? ? '' : sentence(6), description: TEXTS[index])
    2.times { |which| tick 4; made 'comments', Comment.new(commented: news, author: active[which + 6], content: TEXTS[3 - which]) }
    attach(news, news.author, number + 5) if index.zero?
  end
  tick
  document = made 'documents', Document.new(project: project, category: DocumentCategory.shared.sorted.first, title: "Contract #{number}", description: sentence(9))
  attach(document, active[0], number)
  attach(versions.find { |one| one.project == project }, active[1], 7, 'The release')
end
made 'queries', IssueQuery.new(name: 'Open and mine', user: users['ada'], visibility: Query::VISIBILITY_PUBLIC, filters: { 'status_id' => { operator: 'o', values: [''] } }, column_names: %i[id subject])

# ------------------------------------------------------------------------------------------------ what time does to it

User.current = users['ada']
tick
cranes.reload.close
users['olga'].destroy # all of hers belongs to Anonymous from here on
MADE['users'] -= 1
MADE['email_addresses'] -= 1
travel_back

made_before = { 'users' => 4, 'email_addresses' => 1, 'enumerations' => 9, 'roles' => 5, 'queries' => 7 } # by Redmine itself: admin, Anonymous, two groups…
puts JSON.generate(MADE.merge(made_before) { |_, ours, theirs| ours + theirs })
